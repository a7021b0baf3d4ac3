"""What several test modules share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from xdist.scheduler import LoadFileScheduling

from integration.conftest import QUICK, BuiltWorld, land_world
from kpi_warehouse.settings import PROJECT_DIR
from landing_folder import LandingFolder

# in this order
_FIRST = {"sample": 0, "quick build": 1, "compiled project": 2}
# whose fixtures stand in a conftest.py beside them
_FOLDERS = ("dashboard", "expectations")


class OneProcessPerWorld(LoadFileScheduling):
    """Sends a file to one process, and those that share what takes long to make to the same.

    That is the sample, built by dbt once; the compiled project of `quick_build`; and the compiled
    project of the rules about it.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return _shared_by(file) or file


@cache
def _shared_by(file: str) -> str:
    """What a test file shares with others; empty if nothing."""
    path = PROJECT_DIR / file
    if path.parent.name == "project":
        return "compiled project"
    text = path.read_text(encoding="utf-8")
    if "sample: BuiltWorld" in text:
        return "sample"
    return "quick build" if path.parent.name in _FOLDERS or "quickly" in text else ""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProcessPerWorld:
    return OneProcessPerWorld(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: what is shared, then what builds worlds of its own; stable otherwise."""

    def place(item: pytest.Item) -> tuple[int, bool]:
        shared = _shared_by(item.nodeid.partition("::")[0])
        return _FIRST.get(shared, len(_FIRST)), "integration" not in item.path.parts

    items.sort(key=place)


@pytest.fixture(scope="session")
def quick_world(tmp_path_factory: pytest.TempPathFactory) -> BuiltWorld:
    """A world with its landing and all of its warehouse, which no test changes."""
    world = land_world(tmp_path_factory.mktemp("quick"), QUICK)
    world.build_quickly()
    return world


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
