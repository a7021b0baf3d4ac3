"""What several test modules share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from landing_folder import LandingFolder


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
