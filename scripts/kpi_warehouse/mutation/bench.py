"""A warehouse to try errors on: each is planted in a transaction that is rolled back."""

from __future__ import annotations

import shutil
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import duckdb
import polars as pl

from kpi_warehouse.mutation.project import CompiledProject, Model
from kpi_warehouse.mutation.seed_rules import SeedChange

# What profiles/profiles.yml sets; one thread each, as several benches run side by side.
SETTINGS = (
    "set TimeZone = 'UTC'",
    "set threads = 1",
    "set preserve_insertion_order = false",
    "set disabled_optimizers = 'statistics_propagation'",
    "set memory_limit = '2GB'",
)
SECONDS_PER_MUTANT = 60


class Bench:
    """A private copy of a world's warehouse.

    Attributes:
        connection: To the copy.
        row_counts: Rows of each model with no error planted.
    """

    def __init__(self, warehouse: Path, folder: Path, project: CompiledProject) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # the compiled queries name the database, which is named after its file
        copy = folder / warehouse.name
        shutil.copyfile(warehouse, copy)
        self.project = project
        self.connection = duckdb.connect(str(copy))
        for setting in SETTINGS:
            self.connection.execute(setting)
        self._columns = {
            model.name: self.connection.execute(f"describe {model.relation}").fetchall()
            for model in project.models.values()
        }
        # the seeds may have been changed since the models were built
        for model in project.models.values():
            if model.schema != "staging":
                self.create(model, model.sql)
        self._fingerprints = {
            model.name: self.fingerprint(model) for model in project.models.values()
        }
        self.row_counts = {name: rows for name, (rows, _) in self._fingerprints.items()}

    @contextmanager
    def planted(
        self, queries: Mapping[str, str], seed_changes: Iterable[SeedChange] = ()
    ) -> Iterator[Changes]:
        """Other queries for some models and other values in seeds, as long as the context lasts.

        A query that fails, or takes longer than SECONDS_PER_MUTANT, raises duckdb.Error.
        """
        timer = Timer(SECONDS_PER_MUTANT, self.connection.interrupt)
        timer.start()
        self.connection.execute("begin")
        try:
            seeds = set()
            for change in seed_changes:
                self.connection.execute(*change.sql())
                seeds.add(change.seed)
            yield Changes(self, queries, seeds)
        finally:
            timer.cancel()
            self.connection.execute("rollback")

    def count(self, query: str) -> int:
        """How many rows a query returns."""
        counted = self.connection.execute(f"select count(*) from (\n{query}\n) as found")
        return counted.fetchall()[0][0]

    def frame(self, query: str) -> pl.DataFrame:
        """The rows of a query."""
        return pl.from_arrow(self.connection.sql(query).to_arrow_table())

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def create(self, model: Model, query: str) -> None:
        """Replace the model's table, or its view, by what the query gives."""
        if model.is_view:
            self.connection.execute(f"create or replace view {model.relation} as {query}")
            return
        columns = "*"
        if model.has_contract:
            # as dbt does: the contract's columns in its order and types, whatever the query has
            columns = ", ".join(
                f'cast("{name}" as {kind}) as "{name}"'
                for name, kind, *_ in self._columns[model.name]
            )
        self.connection.execute(
            f"create or replace table {model.relation} as select {columns} from (\n{query}\n) "
            "as model"
        )

    def fingerprint(self, model: Model) -> tuple[int, int | None]:
        """Of the model's rows, in whatever order they are."""
        found = self.connection.execute(
            f"select count(*), sum(cast(hash(model) as hugeint)) from {model.relation} as model"
        )
        return found.fetchall()[0]

    def is_as_before(self, model: Model) -> bool:
        """Whether the model's table holds what it held with no error planted."""
        return self.fingerprint(model) == self._fingerprints[model.name]


class Changes:
    """Which relations a planted error changes. A model is built anew only when asked for."""

    def __init__(self, bench: Bench, queries: Mapping[str, str], seeds: set[str]) -> None:
        self._bench = bench
        self._queries = queries
        self._seeds = seeds
        self._answers: dict[str, bool] = {}

    def __contains__(self, name: str) -> bool:
        """Whether the content of the model or seed is another one."""
        model = self._bench.project.models.get(name)
        if model is None:
            return name in self._seeds
        if name not in self._answers:
            self._answers[name] = self._build(model)
        return self._answers[name]

    def all(self) -> list[str]:
        """Names of all models that are changed."""
        return [name for name in self._bench.project.models if name in self]

    def _build(self, model: Model) -> bool:
        inputs_changed = any_changed(model.inputs, self)
        query = self._queries.get(model.name)
        if query is None and not inputs_changed:
            return False
        self._bench.create(model, query or model.sql)
        return not self._bench.is_as_before(model)


def any_changed(names: Iterable[str], changed: Container[str]) -> bool:
    """Whether any is changed. Each is asked about, as that is what builds it."""
    return bool([name for name in sorted(names) if name in changed])
