"""The full column sets that a replication tool writes for Salesforce: everything loads.

Ten rows per object, scrambled values, up to 382 columns. The files are no part of the project: set
SALESFORCE_REPLICA_DIR to a folder of `sf_<object>_data.csv`.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from integration.quick_build import build_quickly
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.pipeline import STAGING_DIR

ROOT = Path(__file__).resolve().parents[2]
AS_OF_DATE = dt.date(2020, 3, 31)
OBJECTS = {
    "sf_account_data.csv",
    "sf_contact_data.csv",
    "sf_event_data.csv",
    "sf_lead_data.csv",
    "sf_opportunity_data.csv",
    "sf_opportunity_history_data.csv",
    "sf_task_data.csv",
    "sf_user_data.csv",
    "sf_user_role_data.csv",
}


def find_replica() -> Path | None:
    """The folder that SALESFORCE_REPLICA_DIR names, or one that lies beside the project."""
    given = os.environ.get("SALESFORCE_REPLICA_DIR")
    if given:
        return Path(given)
    beside = ROOT.parent / "shared" / "data" / "salesforce_replica"
    return beside if beside.is_dir() else None


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the replica as extracts."""
    replica = find_replica()
    if replica is None:
        pytest.skip("the replica is not on this machine: set SALESFORCE_REPLICA_DIR to its folder")
    work = tmp_path_factory.mktemp("replica")
    shutil.copytree(replica, work / "extracts" / "salesforce")
    return work


@pytest.fixture(scope="module")
def said(work: Path) -> str:
    """What landing says; nothing stops it, nor the models that follow."""
    lines: list[str] = []
    land(work / "extracts", work / "landing", read_layouts(STAGING_DIR), lines.append)
    build_quickly(work, AS_OF_DATE)
    return "\n".join(lines)


def test_a_file_of_no_known_object_is_said(said: str) -> None:
    assert "sf_opportunity_line_item_data.csv is of no known object" in said


def test_every_file_of_a_known_object_lands_and_balances(said: str, work: Path) -> None:
    assert said
    with duckdb.connect(str(work / "warehouse.duckdb"), read_only=True) as connection:
        files = connection.execute(
            "select file, sum(row_count) from marts.row_account group by file"
        ).fetchall()
    lines = {
        name: sum(1 for _ in (find_replica() / name).open(encoding="utf-8")) - 1 for name in OBJECTS
    }
    assert {file.removeprefix("salesforce/"): count for file, count in files} == lines
