"""`make mappings`: codes that nobody mapped are proposed, accepted by a person, and then mapped."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from kpi_warehouse.project_checks.layout import GENERATED
from kpi_warehouse.settings import PROJECT_DIR

# lands the extracts and builds what the findings need, with the copy's own code and seeds
BUILD = """
import os
from pathlib import Path
from kpi_warehouse.dbt_build import run_dbt_build
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.pipeline import STAGING_DIR

data = Path(os.environ["DATA_DIR"])
land(data / "extracts", data / "landing", read_layouts(STAGING_DIR), lambda line: None)
run_dbt_build(
    {}, data / "dbt", lambda line: None,
    ["build", "--select", "+data_quality_findings", "+fct_activities",
     "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"],
)
"""
CALLS = """\
call_id,lead_id,rep_id,direction,to_number,started_at,ended_at,disposition
C1,L1,R1,outbound,0311112222,2025-04-01 01:00:00,2025-04-01 01:01:00,担当者 接続
C2,L1,R1,outbound,0311112222,2025-04-02 01:00:00,2025-04-02 01:01:00,担当者 接続
C3,L1,R1,outbound,0311112222,2025-04-03 01:00:00,2025-04-03 01:01:00,"=HYPERLINK(""http://x"")"
C4,L1,R1,outbound,0311112222,2025-04-04 01:00:00,2025-04-04 01:01:00,"'); drop table x; --"
"""
LEADS = """\
lead_id,created_at,source
L1,2025-03-01 00:00:00,秋の社内イベントB
"""


class Copy:
    """A copy of the project with a warehouse of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root / "project"
        self.data = root / "data"
        shutil.copytree(
            PROJECT_DIR,
            self.root,
            symlinks=True,
            ignore=lambda folder, names: {".git", "__pycache__", *GENERATED} & set(names),
        )
        extracts = self.data / "extracts" / "generic"
        extracts.mkdir(parents=True)
        (extracts / "calls.csv").write_text(CALLS, "utf-8")
        (extracts / "leads.csv").write_text(LEADS, "utf-8")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=os.environ
            | {
                "PYTHONPATH": str(self.root / "scripts"),
                "DATA_DIR": str(self.data),
                "WAREHOUSE_PATH": str(self.data / "warehouse.duckdb"),
                "AS_OF_DATE": "2025-04-30",
            },
            capture_output=True,
            encoding="utf-8",
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def query(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.data / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def outcomes(self) -> dict[str, str]:
        """The outcome of each call."""
        return dict(
            self.query(
                "select source_id, outcome_code from marts.fct_activities "
                "where activity_type = 'call'"
            )
        )


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_planted_codes_are_proposed_accepted_and_mapped(copy: Copy) -> None:
    copy.run("-c", BUILD)
    assert set(copy.outcomes().values()) == {"unmapped"}

    text = copy.run("scripts/mappings.py")
    (line,) = [line for line in text.splitlines() if line.startswith("担当者 接続")]
    assert "target_connected" in line
    assert line.endswith("  2")
    assert "decide" in next(line for line in text.splitlines() if line.startswith("=hyperlink"))
    assert "秋の社内イベントb" in text

    copy.run("scripts/mappings.py", "--write")
    path = copy.data / "mappings" / "call_outcomes.csv"
    header, *rows = csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    assert not any(cell[:1] in tuple("=+-@") for row in rows for cell in row if cell)
    for row in rows:
        row[header.index("accept")] = "1"
        row[header.index("outcome_code")] = row[header.index("outcome_code")] or "declined"
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    path.write_text(text.getvalue(), "utf-8")
    said = copy.run("scripts/mappings.py", "--accept")
    assert "3 rows added to seeds/mappings/call_outcomes.csv" in said
    assert "make definitions" in said

    copy.run("-c", BUILD)
    assert copy.outcomes() == {
        "C1": "target_connected",
        "C2": "target_connected",
        "C3": "declined",
        "C4": "declined",
    }
    rules = copy.query("select rule from marts.data_quality_findings where rule like 'unmapped%'")
    # of the lead source nobody decided anything
    assert rules == [("unmapped_lead_source",)]
