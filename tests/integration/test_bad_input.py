"""What a person can mend ends `scripts/build.py` with one line and exit code 2, and no harm."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

BUILD = Path(__file__).parents[2] / "scripts" / "build.py"
LEADS = "lead_id,created_at\nL1,2025-04-01 00:00:00\n"


class Project:
    """An extracts folder, a warehouse of before, and the build that is run on them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.extracts = root / "extracts"
        self.warehouse = root / "warehouse.duckdb"
        for system in ("generic", "planning"):
            (self.extracts / system).mkdir(parents=True)
        self.leads = self.extracts / "generic" / "leads.csv"
        self.leads.write_text(LEADS)
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute("create table before as select 1 as one")
        self.before = self.warehouse.read_bytes()
        self.output = ""

    def complaint(self, **environment: str) -> str:
        """Build, and return the one line that it must end with."""
        done = self.build(environment)
        self.output = done.stdout
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        (line,) = done.stderr.splitlines()
        assert self.warehouse.read_bytes() == self.before
        assert not self.warehouse.with_name("warehouse.duckdb.wal").exists()
        return line

    def build(self, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Build, whatever comes of it."""
        variables = {
            "EXTRACTS_DIR": str(self.extracts),
            "DATA_DIR": str(self.root / "data"),
            "WAREHOUSE_PATH": str(self.warehouse),
            "AS_OF_DATE": "2025-04-30",
            **environment,
        }
        return subprocess.run(
            [sys.executable, str(BUILD)],
            env={**os.environ, **variables},
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"lead_id,source\nL1,web\n",
            "file_without_mandatory_column: mandatory column created_at missing; "
            "leads needs lead_id, created_at",
        ),
        (b"", "file_empty: empty (0 bytes); export it again, or remove it"),
        (
            b"PK\x03\x04\x14\x00\x06\x00\x08\x00",
            "file_not_text: not text (a binary file); export it as CSV in UTF-8",
        ),
    ],
)
def test_extracts_of_which_no_file_can_be_read(project, content, reason):
    project.leads.write_bytes(content)
    assert project.complaint() == (
        f"error: {project.extracts}: the only file is refused; mend what the lines above say"
    )
    assert f"  refused generic/leads.csv: {reason}\n" in project.output


@pytest.mark.parametrize("variable", ["WAREHOUSE_PATH", "DATA_DIR"])
def test_an_unwritable_target(project, variable):
    # below a regular file nobody can write, not even root
    blocked = project.leads / "below" / "warehouse.duckdb"
    line = project.complaint(**{variable: str(blocked)})
    assert line.startswith(f"error: {project.leads}")
    assert "cannot be written (not a directory)" in line
    assert line.endswith(f"set {variable} to a place that can")


def test_a_target_that_is_a_folder(project, tmp_path):
    line = project.complaint(WAREHOUSE_PATH=str(tmp_path))
    assert line == f"error: {tmp_path}: is a folder; set WAREHOUSE_PATH to a file"


def test_an_unknown_kpi_in_a_target(project):
    targets = project.extracts / "planning" / "targets.csv"
    targets.write_text("kpi_id,month\nmeetings,2025-04\nsales,2025-04\n")
    assert project.complaint() == (
        "error: planning/targets.csv: unknown KPI sales in row 2; "
        "correct it, or define it in registry/kpi_definitions.csv"
    )


def test_extracts_that_are_not_there(project, tmp_path):
    line = project.complaint(EXTRACTS_DIR=str(tmp_path / "nowhere"))
    assert line.startswith(f"error: {tmp_path / 'nowhere'}: no such folder; set EXTRACTS_DIR")


def test_a_date_that_is_none(project):
    line = project.complaint(AS_OF_DATE="30.4.2025")
    assert line == "error: AS_OF_DATE: not a date; write it as YYYY-MM-DD"


def test_a_warehouse_that_another_process_writes(project):
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); input()",
            str(project.warehouse),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        writer.stdout.readline()
        line = project.complaint()
        writer.communicate(b"\n")
    assert line == (
        f"error: {project.warehouse}: another process has it open for writing; "
        "close it there and retry"
    )
