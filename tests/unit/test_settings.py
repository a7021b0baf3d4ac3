"""Settings come from the environment, with defaults in the project."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from kpi_warehouse.errors import UserError
from kpi_warehouse.settings import PROJECT_DIR, Settings


def settings(cwd: Path, **environment: str) -> Settings:
    return Settings.from_environment(environment, cwd)


def test_defaults_lie_in_the_project(tmp_path):
    found = settings(tmp_path, EXTRACTS_DIR="", AS_OF_DATE=" ")
    assert found.extracts_dir == PROJECT_DIR / "data" / "extracts"
    assert found.extracts_are_default
    assert found.data_dir == PROJECT_DIR / "data"
    assert found.warehouse_path == PROJECT_DIR / "data" / "warehouse.duckdb"
    assert found.as_of_date is None
    assert not found.is_strict
    assert not found.restates_history


def test_given_paths_count_from_the_current_directory(tmp_path):
    found = settings(
        tmp_path, EXTRACTS_DIR="raw", DATA_DIR="out/x", STRICT="1", RESTATE_HISTORY="1"
    )
    assert found.extracts_dir == tmp_path / "raw"
    assert not found.extracts_are_default
    assert found.warehouse_path == tmp_path / "out" / "x" / "warehouse.duckdb"
    assert settings(tmp_path, WAREHOUSE_PATH="/w.duckdb").warehouse_path == Path("/w.duckdb")
    assert found.is_strict
    assert found.restates_history


def test_the_as_of_date_is_the_given_one_else_the_samples_else_today_in_japan(tmp_path):
    late_in_the_evening = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
    found = settings(tmp_path, EXTRACTS_DIR=".")
    assert found.resolve_as_of_date(late_in_the_evening) == date(2026, 4, 1)
    (tmp_path / "sample.json").write_text(json.dumps({"as_of_date": "2026-09-30"}))
    assert found.resolve_as_of_date() == date(2026, 9, 30)
    given = settings(tmp_path, EXTRACTS_DIR=".", AS_OF_DATE="2025-01-31")
    assert given.resolve_as_of_date() == date(2025, 1, 31)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"as_of_date": "soon"}', '{"as_of_date": 1}'])
def test_a_sample_without_a_date_is_an_error(tmp_path, content):
    (tmp_path / "sample.json").write_text(content)
    with pytest.raises(UserError, match="holds no as_of_date"):
        settings(tmp_path, EXTRACTS_DIR=".").resolve_as_of_date()


@pytest.mark.parametrize("text", ["2025-02-30", "2025/04/01", "yesterday", "20250401"])
def test_a_date_that_is_none_is_an_error(tmp_path, text):
    with pytest.raises(UserError, match="AS_OF_DATE: not a date"):
        settings(tmp_path, AS_OF_DATE=text)


def test_strict_is_a_switch(tmp_path):
    with pytest.raises(UserError, match="STRICT: not 0 or 1"):
        settings(tmp_path, STRICT="maybe")
