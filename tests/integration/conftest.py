"""Worlds with a warehouse built on them, and how to hold a warehouse against a world's truth."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest

from integration.quick_build import build_quickly
from kpi_warehouse.dbt_build import WITHOUT_UNIT_TESTS, run_dbt_build
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.pipeline import STAGING_DIR
from kpi_warehouse.truth.compare import compare, describe
from kpi_warehouse.truth.facts import Policies
from kpi_warehouse.truth.kpis import Truth, keys, truth
from kpi_warehouse.world import WorldLog, WorldOptions, write_sample
from kpi_warehouse.world.sample import SampleFormat
from kpi_warehouse.world.writers.files import FileFormat
from kpi_warehouse.world.writers.native_files import Encoding
from workbench import put_on_workbench

MARTS = {
    "total": "kpi_by_period",
    "channel": "kpi_by_channel_period",
    "rep": "kpi_by_rep_period",
    "team": "kpi_by_team_period",
}

# enough for every volume to be measured, little enough to build in half a minute
QUICK = WorldOptions(activities=20_000)


@dataclass(frozen=True)
class BuiltWorld:
    """A world's log, and the folder with its extracts, landing and warehouse."""

    log: WorldLog
    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def environment(self, as_of_date: dt.date | None = None) -> dict[str, str]:
        """What dbt needs to know; good until another world's is asked for."""
        bench = put_on_workbench(self.folder)
        return {
            "AS_OF_DATE": (as_of_date or self.log.as_of_date).isoformat(),
            "DATA_DIR": str(bench),
            "WAREHOUSE_PATH": str(bench / self.warehouse.name),
        }

    def dbt(self, *arguments: str, as_of_date: dt.date | None = None) -> list[str]:
        """Run dbt on this world's landing and warehouse; returns its warnings."""
        outcome = run_dbt_build(
            self.environment(as_of_date), self.folder / "dbt", lambda line: None, arguments
        )
        return list(outcome.warnings)

    def build_quickly(self, *targets: str, below: Collection[str] = ()) -> None:
        """Run the models that lead to these, or all, without dbt; see `quick_build`."""
        build_quickly(self.folder, self.log.as_of_date, targets, below)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The warehouse, read-only."""
        return duckdb.connect(str(self.warehouse), read_only=True)

    def query(self, sql: str) -> list[tuple]:
        """All rows of a query on the warehouse."""
        with self.connect() as connection:
            return connection.execute(sql).fetchall()


def land_world(
    folder: Path,
    options: WorldOptions,
    sample_format: SampleFormat = "generic",
    file_format: FileFormat = "csv",
    encoding: Encoding = "mixed",
) -> BuiltWorld:
    """Write a world's extracts and land them."""
    log = write_sample(folder / "extracts", options, sample_format, file_format, encoding)
    return land_extracts(folder, log)


def land_extracts(folder: Path, log: WorldLog) -> BuiltWorld:
    """Land the extracts that were written of a log."""
    land(folder / "extracts", folder / "landing", read_layouts(STAGING_DIR), lambda line: None)
    return BuiltWorld(log, folder)


def differences(world: BuiltWorld, expected: Truth) -> list[str]:
    """A message per mart that differs from the truth; empty if all agree to the last count."""
    messages = []
    with world.connect() as connection:
        for dimension, mart in MARTS.items():
            columns = [*keys(dimension), "numerator", "denominator", "value"]
            rows = connection.sql(f"select {', '.join(columns)} from marts.{mart}")
            actual = pl.from_arrow(rows.to_arrow_table())
            expected_rows = getattr(expected, f"by_{dimension}")
            assert len(expected_rows) > 0
            found = compare(expected_rows, actual, keys(dimension))
            if len(found):
                messages.append(f"{mart}: {describe(found, keys(dimension))}")
    return messages


def differences_as_of(
    world: BuiltWorld, as_of_date: dt.date, policies: Policies | None = None
) -> list[str]:
    """The same for another as-of date or other policies."""
    log = dataclasses.replace(world.log, as_of_date=as_of_date)
    return differences(world, truth(log, policies or Policies()))


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> BuiltWorld:
    """The default world in the generic layout, built once with all its data tests."""
    world = land_world(tmp_path_factory.mktemp("sample"), WorldOptions())
    world.dbt("build", *WITHOUT_UNIT_TESTS)
    return world


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Callable[[WorldOptions], BuiltWorld]:
    """Builds the KPI tables of a small world; each in the folder of the one before."""
    folder = tmp_path_factory.mktemp("small")

    def build(options: WorldOptions) -> BuiltWorld:
        world = land_world(folder, options)
        world.build_quickly(*MARTS.values())
        return world

    return build
