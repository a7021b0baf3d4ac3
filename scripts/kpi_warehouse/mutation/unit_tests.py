"""dbt's unit tests as queries, so that an error can be planted in them as in the model's query.

dbt runs each unit test once; what it sends to the database is kept. In it stands the model's query
over fixtures, of the same shape as over tables: a mutant is planted at the same node.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from sqlglot import exp

from kpi_warehouse.mutation.project import CompiledProject
from kpi_warehouse.mutation.queries import (
    Place,
    parse,
    plant,
    rename_tables,
    shape,
    write,
)
from kpi_warehouse.mutation.sql_rules import Context
from kpi_warehouse.mutation.worlds import World
from kpi_warehouse.settings import PROJECT_DIR

Captured = Mapping[tuple[str, str], str | None]
"""Model and name of each unit test → what dbt sent to the database, None if nothing."""

DBT = Lock()
"""dbt runs in this process, one command at a time."""

_ACTUAL = "dbt_internal_unit_test_actual"
_FIXTURE = "__dbt__cte__"
_BODY = "select 1 as the_query_of_the_model"


@dataclass(frozen=True)
class UnitTest:
    """A unit test.

    Attributes:
        name: Its name.
        frame: All that dbt sends to the database, with `_BODY` for the model's query.
        body: The model's query, over the tables instead of the fixtures.
        fixtures: Each table as the body writes it, and the fixture that stands for it.
    """

    name: str
    frame: str
    body: exp.Expression
    fixtures: Mapping[str, str]

    @classmethod
    def read(cls, name: str, sql: str, schemas: Mapping[str, str]) -> UnitTest:
        """A unit test from what dbt sends to the database; `schemas` by name of relation."""
        frame = parse(sql)
        actual = next(cte for cte in frame.ctes if cte.alias == _ACTUAL)
        body = actual.this.args["from_"].this.this
        fixtures = [cte for cte in body.ctes if cte.alias.startswith(_FIXTURE)]
        own = [cte for cte in body.ctes if cte not in fixtures]
        body.replace(parse(_BODY))
        frame.args["with_"].set("expressions", [*fixtures, *frame.ctes])
        body.set("with_", exp.With(expressions=own) if own else None)
        tables = {cte.alias: cte.alias.removeprefix(_FIXTURE) for cte in fixtures}
        rename_tables(body, {cte: (schemas[table], table) for cte, table in tables.items()})
        return cls(
            name,
            write(frame),
            body,
            {f'"{schemas[table]}"."{table}"': f'"{cte}"' for cte, table in tables.items()},
        )

    def passes(self, connection: duckdb.DuckDBPyConnection, body: exp.Expression) -> bool:
        """Whether `body` in the place of the model's query gives what is expected.

        Raises:
            duckdb.Error: the query fails.
        """
        query = write(body)
        for table, fixture in self.fixtures.items():
            query = query.replace(table, fixture)
        query = self.frame.replace(write(parse(_BODY)), f"\n{query}\n")
        sides: dict[str, Counter[tuple]] = {"actual": Counter(), "expected": Counter()}
        for *values, side in connection.execute(query).fetchall():
            sides[side][tuple(values)] += 1
        return sides["actual"] == sides["expected"]


class UnitTests:
    """The unit tests of all models, read as they are asked for.

    Attributes:
        left_out: Names of the tests that cannot be used, with the reason: dbt could not run it, it
            fails without any error planted, or its query has another shape than the model's.
    """

    def __init__(self, captured: Captured, project: CompiledProject) -> None:
        self.left_out: dict[str, str] = {}
        self._captured = captured
        self._project = project
        self._by_model: dict[str, list[UnitTest]] = {}
        self._failing_anyway: set[str] | None = None
        self._lock = Lock()

    def of(self, model: str) -> list[UnitTest]:
        """The tests of a model that pass as long as no error is planted."""
        with self._lock:
            if model not in self._by_model:
                self._by_model[model] = list(self._usable(model))
            return self._by_model[model]

    def failing(
        self, connection: duckdb.DuckDBPyConnection, model: str, place: Place, context: Context
    ) -> list[str]:
        """The unit tests of the model that fail with an error planted in it.

        One whose query fails counts as failing: dbt would report it as an error.
        """
        failing = []
        for test in self.of(model):
            try:
                passes = test.passes(connection, plant(test.body, place, context))
            except duckdb.Error:
                passes = False
            if not passes:
                failing.append(test.name)
        return failing

    def failing_with(self, world: World, variable: tuple[str, Any]) -> list[str]:
        """The unit tests that fail with another value of a variable of the project."""
        name, value = variable
        with DBT:
            results = _run(
                world.environment(),
                world.folder / "variables" / f"{name}-{value}",
                arguments=["--vars", f"{{{name}: {value}}}"],
            )
            if self._failing_anyway is None:
                anyway = _run(world.environment(), world.folder / "dbt")
                self._failing_anyway = {test.node.name for test in anyway if test.status != "pass"}
        failing = {test.node.name for test in results if test.status != "pass"}
        return sorted(failing - self._failing_anyway)

    def _usable(self, model: str) -> Iterator[UnitTest]:
        expected_shape = shape(parse(self._project.models[model].sql))
        connection = duckdb.connect()
        for (owner, name), sql in sorted(self._captured.items()):
            if owner != model:
                continue
            if sql is None:
                self.left_out[name] = "dbt cannot run it"
                continue
            test = UnitTest.read(name, sql, self._project.schemas)
            if shape(test.body) != expected_shape:
                self.left_out[name] = "compiles to a query of another shape than the model's"
            elif not test.passes(connection, test.body):
                self.left_out[name] = "fails without any error planted"
            else:
                yield test
        connection.close()


def capture(environment: Mapping[str, str], work_dir: Path) -> Captured:
    """Run all unit tests by dbt and keep what it sends to the database."""
    queries: dict[str, str] = {}

    def keep(event: Any) -> None:
        if event.info.name == "SQLQuery" and _ACTUAL in event.data.sql:
            queries[event.data.node_info.unique_id] = event.data.sql

    results = _run(environment, work_dir, keep)
    # unit_test.<project>.<model>.<name>
    return {
        tuple(result.node.unique_id.split(".")[2:]): queries.get(result.node.unique_id)
        for result in results
    }


def _run(
    environment: Mapping[str, str],
    work_dir: Path,
    callback: Callable[[Any], None] | None = None,
    arguments: Sequence[str] = (),
) -> list[Any]:
    options = [
        *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR / "profiles")),
        *("--target-path", str(work_dir / "target"), "--log-path", str(work_dir / "logs")),
        *("--log-level", "none", "--log-level-file", "info"),
    ]
    with environment_variables(environment):
        try:
            outcome = dbtRunner(callbacks=[callback] if callback else []).invoke(
                ["test", "--select", "test_type:unit", *arguments, *options]
            )
        finally:
            DuckDBConnectionManager.close_all_connections()
    return list(outcome.result.results)


@contextmanager
def environment_variables(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables as long as the context lasts."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
