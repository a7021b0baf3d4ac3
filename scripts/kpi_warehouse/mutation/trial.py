"""Trying mutants: plant, ask every detector in turn, take back."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from kpi_warehouse.errors import BuildError
from kpi_warehouse.mutation.bench import Bench
from kpi_warehouse.mutation.detectors import UNIT_TEST, Detector, Planted
from kpi_warehouse.mutation.mutants import Mutant
from kpi_warehouse.mutation.project import CompiledProject, DataTest
from kpi_warehouse.mutation.queries import parse, plant, write
from kpi_warehouse.mutation.sql_rules import Context
from kpi_warehouse.mutation.unit_tests import UnitTests, environment_variables
from kpi_warehouse.mutation.worlds import World
from kpi_warehouse.settings import PROJECT_DIR

ERROR, SURVIVED = "error", "survived"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        mutant: The mutant.
        caught_by: The kind of test, `error` if its query cannot run, or `survived`.
        detail: The test that failed, the message, or what changed without any test seeing it.
    """

    mutant: Mutant
    caught_by: str
    detail: str


class Trials:
    """Tries mutants on a world, several side by side."""

    def __init__(
        self,
        world: World,
        folder: Path,
        unit_tests: UnitTests | None,
        detectors: Mapping[str, Detector],
        jobs: int,
    ) -> None:
        self._world = world
        self._unit_tests = unit_tests
        self._detectors = detectors
        self._trees = {model.name: parse(model.sql) for model in world.project.mutated}
        self._contexts = {name: Context.of(tree) for name, tree in self._trees.items()}
        self._compiled: dict[tuple[str, Any], CompiledProject] = {}
        self._benches = [
            Bench(world.warehouse, folder / f"bench-{number}", world.project)
            for number in range(1, jobs + 1)
        ]
        self._warned = {
            test.name: self._benches[0].count(test.sql)
            for test in world.project.tests.values()
            if not test.is_error
        }

    def check_unmutated(self) -> None:
        """Try no error at all.

        Raises:
            BuildError: a detector finds something all the same.
        """
        everything = self._world.project.models.keys()
        planted = self._planted(None, self._benches[0], everything, self._world.project.tests)
        found = [
            f"{kind}: {detail}"
            for kind, detect in self._detectors.items()
            if (detail := detect(planted))
        ]
        if found:
            raise BuildError("something fails before any error is planted", found)

    def run(self, mutants: Sequence[Mutant], finished: Callable[[Verdict], None]) -> list[Verdict]:
        """Try each; the verdicts in the order of the mutants."""
        self._compile_variables(mutants)
        free: SimpleQueue[Bench] = SimpleQueue()
        for bench in self._benches:
            free.put(bench)

        def attempt(mutant: Mutant) -> Verdict:
            bench = free.get()
            try:
                verdict = self._attempt(mutant, bench)
            finally:
                free.put(bench)
            finished(verdict)
            return verdict

        with ThreadPoolExecutor(len(self._benches)) as pool:
            return list(pool.map(attempt, mutants))

    def close(self) -> None:
        """Close the databases."""
        for bench in self._benches:
            bench.close()

    def _attempt(self, mutant: Mutant, bench: Bench) -> Verdict:
        queries, tests = self._queries(mutant)
        seed_changes = [mutant.seed_change] if mutant.seed_change else []
        try:
            with bench.planted(queries, seed_changes) as changed:
                planted = self._planted(mutant, bench, changed, tests)
                for kind, detect in self._detectors.items():
                    if detail := detect(planted):
                        return Verdict(mutant, kind, detail)
                published = [
                    name for name in changed.all() if self._schema_of(name) in ("marts", "drafts")
                ]
        except duckdb.Error as error:
            return Verdict(mutant, ERROR, " ".join(str(error).split())[:200])
        if failing := self._failing_unit_tests(mutant, bench):
            return Verdict(mutant, UNIT_TEST, failing[0])
        return Verdict(mutant, SURVIVED, f"changes {', '.join(published) or 'nothing published'}")

    def _failing_unit_tests(self, mutant: Mutant, bench: Bench) -> list[str]:
        if self._unit_tests is None:
            return []
        if mutant.variable:
            return self._unit_tests.failing_with(self._world, mutant.variable)
        return [
            test
            for model, place in mutant.places
            for test in self._unit_tests.failing(
                bench.connection, model, place, self._contexts[model]
            )
        ]

    def _planted(
        self,
        mutant: Mutant | None,
        bench: Bench,
        changed: Container[str],
        tests: Mapping[str, DataTest],
    ) -> Planted:
        return Planted(mutant, self._world, bench, changed, tests, self._warned)

    def _schema_of(self, name: str) -> str:
        return self._world.project.schemas[name]

    def _queries(self, mutant: Mutant) -> tuple[dict[str, str], Mapping[str, DataTest]]:
        """The models' queries that the mutant replaces, and the data tests that go with them."""
        project = self._world.project
        if mutant.places:
            queries = {
                model: write(plant(self._trees[model], place, self._contexts[model]))
                for model, place in mutant.places
            }
            return queries, project.tests
        if mutant.variable:
            compiled = self._compiled[mutant.variable]
            queries = {
                name: model.sql
                for name, model in compiled.models.items()
                if model.sql != project.models[name].sql
            }
            return queries, compiled.tests
        return {}, project.tests

    def _compile_variables(self, mutants: Iterable[Mutant]) -> None:
        """Compile the project with each variable that a mutant sets; dbt does one at a time."""
        for mutant in mutants:
            if mutant.variable and mutant.variable not in self._compiled:
                self._compiled[mutant.variable] = _compile(self._world, mutant.variable)


def _compile(world: World, variable: tuple[str, Any]) -> CompiledProject:
    name, value = variable
    target = world.folder / "variables" / f"{name}-{value}"
    options = [
        *("--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR / "profiles")),
        *("--target-path", str(target), "--log-path", str(target / "logs")),
        *("--log-level", "none", "--vars", f"{{{name}: {value}}}"),
    ]
    with environment_variables(world.environment()):
        try:
            outcome = dbtRunner().invoke(["compile", *options])
        finally:
            DuckDBConnectionManager.close_all_connections()
    if not outcome.success:
        raise BuildError(f"dbt cannot compile with {name} {value}", [str(outcome.exception)])
    return CompiledProject.read(target / "manifest.json")
