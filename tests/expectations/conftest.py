"""A small world landed and built, and ways to damage copies of it one thing at a time."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq
import pytest

from integration.conftest import BuiltWorld
from kpi_warehouse.landing.readers import literal_glob
from kpi_warehouse.quality.command import SEEDS_DIR, STAGING_DIR
from kpi_warehouse.quality.extracts import LandedObject, read_objects
from kpi_warehouse.settings import Settings, business_utc_offset
from needs import IN_CI

if TYPE_CHECKING:
    from kpi_warehouse.quality.checkpoint import Checkpoint, Finding
    from kpi_warehouse.quality.checks import Batch
    from kpi_warehouse.quality.landed_profile import Landing

IS_INSTALLED = importlib.util.find_spec("great_expectations") is not None
if not IS_INSTALLED and IN_CI:
    raise RuntimeError("great_expectations is not installed; run the tests by make test")

REGISTRY = SEEDS_DIR / "registry" / "kpi_definitions.csv"
_numbers = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if IS_INSTALLED:
        return
    skip = pytest.mark.skip(reason="group quality is not installed; make env-quality installs it")
    folder = Path(__file__).parent
    for item in items:
        if folder in item.path.parents:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def world(quick_world: BuiltWorld) -> BuiltWorld:
    """A world with its landing and its warehouse, which no test changes."""
    return quick_world


@pytest.fixture
def settings(world: BuiltWorld) -> Settings:
    """The settings of a command on that world."""
    return settings_of(world.folder, world)


def settings_of(data_dir: Path, world: BuiltWorld) -> Settings:
    return Settings.from_environment(
        {
            "DATA_DIR": str(data_dir),
            "EXTRACTS_DIR": str(world.folder / "extracts"),
            "AS_OF_DATE": world.log.as_of_date.isoformat(),
        }
    )


@pytest.fixture(scope="session")
def objects() -> dict[str, LandedObject]:
    """Every declared object of the extracts by its full name."""
    return {each.full_name: each for each in read_objects(STAGING_DIR)}


class LandingCopy:
    """A copy of a landing whose files may be rewritten with SQL."""

    def __init__(self, folder: Path, world: BuiltWorld) -> None:
        self.folder = folder
        self._as_of_date = world.log.as_of_date
        self._connection = duckdb.connect()

    def files(self, full_name: str) -> list[Path]:
        """The landed files of an object."""
        folder = self.folder / full_name.replace(".", "/")
        return [path for path in sorted(folder.glob("*.parquet")) if path.name[0] != "_"]

    def rewrite(self, full_name: str, select: str) -> None:
        """Replace each landed file of the object by a query on its rows, named `landed`."""
        for path in self.files(full_name):
            self.write(path, select, path)

    def write(self, target: Path, select: str, source: Path) -> None:
        """Write a file from a query on another one's rows, named `landed`."""
        partial = target.with_name("_partial")
        target.parent.mkdir(parents=True, exist_ok=True)
        self._connection.execute(
            f"copy (with landed as (select * from read_parquet($source)) {select}) "
            "to $target (format parquet)",
            {"source": literal_glob(source), "target": str(partial)},
        )
        partial.replace(target)

    def account(self, where: str = "true", **expressions: str) -> None:
        """Change columns of landing's account of its files, or add them; keep some files only."""
        path = self.folder / "_files" / "files.parquet"
        names = pq.read_schema(path).names
        kept = [name for name in names if name not in expressions]
        changed = [f"{expression} as {name}" for name, expression in expressions.items()]
        columns = ", ".join([*kept, *changed])
        self.write(path, f"select {columns} from landed where {where}", path)

    def finding(self, file_name: str, fate: str, count: int) -> None:
        """Add rows to landing's findings, as it writes them."""
        system, _, name = file_name.partition("/")
        target = self.folder / "_row_findings" / system / "calls" / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        self._connection.execute(
            """
            copy (
                select
                    $system as system, 'calls' as object, $file as file_name,
                    number as row_number, null::varchar as column_name, 'ragged_row' as rule,
                    $fate as fate, 1::bigint as row_count
                from range(1, $count + 1) as numbers (number)
            ) to $target (format parquet)
            """,
            {
                "system": system,
                "file": file_name,
                "fate": fate,
                "count": count,
                "target": str(target),
            },
        )

    def open(self) -> Landing:
        """The landing as `make quality` reads it."""
        from kpi_warehouse.quality.landed_profile import open_landing

        return open_landing(
            self.folder,
            SEEDS_DIR,
            self._as_of_date,
            business_utc_offset(),
            "1GB",
            self.folder / "_spill",
        )


@pytest.fixture
def landing(world: BuiltWorld, tmp_path: Path) -> LandingCopy:
    return LandingCopy(shutil.copytree(world.folder / "landing", tmp_path / "landing"), world)


@pytest.fixture
def empty_landing(world: BuiltWorld, tmp_path: Path) -> LandingCopy:
    return LandingCopy(tmp_path / "landing", world)


@pytest.fixture(scope="session")
def warehouse(
    world: BuiltWorld, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the warehouse, open for writing; tests damage it in a transaction."""
    copy = tmp_path_factory.mktemp("damaged") / "copy.duckdb"
    connection = duckdb.connect(shutil.copyfile(world.warehouse, copy))
    yield connection
    connection.close()


@pytest.fixture
def damaged(warehouse: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same, and what is done to it is undone afterwards."""
    warehouse.execute("begin")
    yield warehouse
    warehouse.execute("rollback")


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    from kpi_warehouse.quality.checkpoint import Checkpoint

    return Checkpoint()


@pytest.fixture
def validate(
    checkpoint: Checkpoint,
) -> Callable[[Batch], list[Finding]]:
    """Validates a batch under a name that the shared checkpoint has not had yet."""

    def run(batch: Batch) -> list[Finding]:
        # the part before the first point is the boundary, which findings leave out
        named = replace(batch, name=f"{next(_numbers)}.{batch.name.partition('.')[2]}")
        (result,) = checkpoint.run([named], lambda line: None)
        return list(result.findings)

    return run
