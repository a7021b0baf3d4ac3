"""What several test modules share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from xdist.scheduler import LoadFileScheduling

from kpi_warehouse.settings import PROJECT_DIR
from landing_folder import LandingFolder


class OneProcessPerWorld(LoadFileScheduling):
    """Sends a file to one process, and all files with the sample to the same, to build it once."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "sample" if _has_sample(file) else file


@cache
def _has_sample(file: str) -> bool:
    return "sample: BuiltWorld" in (PROJECT_DIR / file).read_text(encoding="utf-8")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProcessPerWorld:
    return OneProcessPerWorld(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: the sample, then what builds worlds of its own; stable otherwise."""

    def place(item: pytest.Item) -> tuple[bool, bool]:
        file = item.nodeid.partition("::")[0]
        return not _has_sample(file), "integration" not in item.path.parts

    items.sort(key=place)


@pytest.fixture
def folder(tmp_path: Path) -> LandingFolder:
    return LandingFolder(tmp_path)


@pytest.fixture
def landed(folder: LandingFolder) -> Callable[[str], list[tuple]]:
    """Rows of an object's Parquet files, by file and row."""

    def rows(object_path: str, columns: str = "*") -> list[tuple]:
        connection = duckdb.connect()
        return connection.execute(
            f"select {columns} from read_parquet($path, union_by_name = true) "
            "order by _file_name, _row_number",
            {"path": str(folder.landing / object_path / "*.parquet")},
        ).fetchall()

    return rows
