"""What several test modules share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from landing_folder import LandingFolder


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Builds first, and what shares a built world in one process, so that it is built once.

    For pytest-xdist's loadgroup: the tests of the sample are one group, those of any other file
    another.
    """

    def place(item: pytest.Item) -> tuple[bool, bool]:
        return "integration" not in item.path.parts, "sample" not in item.fixturenames

    for item in items:
        group = "sample" if "sample" in item.fixturenames else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
    # stable, so that the order within a file stays
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
