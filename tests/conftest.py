"""What several test modules share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from kpi_warehouse.landing import LandingReport, ObjectLayout, land

LEADS = ObjectLayout(
    system="generic",
    name="leads",
    columns=("lead_id", "created_at", "source", "company"),
    required=("lead_id", "created_at"),
)
LEAD_STATUS_HISTORY = ObjectLayout(
    system="generic",
    name="lead_status_history",
    columns=("lead_id", "status", "entered_at"),
    required=("lead_id", "status", "entered_at"),
)
TARGETS = ObjectLayout(
    system="planning",
    name="targets",
    columns=("kpi_id", "month", "target_value"),
    required=("kpi_id", "month"),
)
LAYOUTS = [LEADS, LEAD_STATUS_HISTORY, TARGETS]


class LandingFolder:
    """An extracts folder and what is landed from it, with two lines to fill and read them."""

    def __init__(self, root: Path) -> None:
        self.extracts = root / "extracts"
        self.landing = root / "landing"
        self.layouts = list(LAYOUTS)
        self.lines: list[str] = []
        (self.extracts / "generic").mkdir(parents=True)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write an extract; text becomes UTF-8."""
        path = self.extracts / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(self) -> LandingReport:
        """Land what is there."""
        self.lines.clear()
        return land(self.extracts, self.landing, self.layouts, self.lines.append)


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
