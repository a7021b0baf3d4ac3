"""The full column sets that a replication tool writes for Salesforce: everything loads.

Ten rows per object, scrambled values, up to 382 columns. The files are no part of the project: set
SALESFORCE_REPLICA_DIR to a folder of `sf_<object>_data.csv`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from workbench import put_on_workbench

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "scripts" / "build.py"
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
def built(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[subprocess.CompletedProcess[str], Path]:
    replica = find_replica()
    if replica is None:
        pytest.skip("the replica is not on this machine: set SALESFORCE_REPLICA_DIR to its folder")
    work = tmp_path_factory.mktemp("replica")
    shutil.copytree(replica, work / "extracts" / "salesforce")
    bench = put_on_workbench(work)
    done = subprocess.run(
        [sys.executable, str(BUILD)],
        env={
            **os.environ,
            "EXTRACTS_DIR": str(work / "extracts"),
            "DATA_DIR": str(bench),
            "WAREHOUSE_PATH": str(bench / "warehouse.duckdb"),
            "AS_OF_DATE": "2020-03-31",
        },
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    return done, work / "warehouse.duckdb"


def test_no_column_and_no_value_stops_the_build(built):
    done, _ = built
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "sf_opportunity_line_item_data.csv is of no known object" in done.stdout + done.stderr


def test_every_file_of_a_known_object_lands_and_balances(built):
    _, warehouse = built
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        files = connection.execute(
            "select file, sum(row_count) from marts.row_account group by file"
        ).fetchall()
    lines = {
        name: sum(1 for _ in (find_replica() / name).open(encoding="utf-8")) - 1 for name in OBJECTS
    }
    assert {file.removeprefix("salesforce/"): count for file, count in files} == lines
