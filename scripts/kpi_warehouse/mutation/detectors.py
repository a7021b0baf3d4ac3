"""What may catch a planted error: the project's tests, each kind behind one function."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path

from kpi_warehouse.mutation import marts
from kpi_warehouse.mutation.bench import Bench, any_changed
from kpi_warehouse.mutation.mutants import Mutant
from kpi_warehouse.mutation.project import DataTest
from kpi_warehouse.mutation.seed_files import SeedFiles
from kpi_warehouse.mutation.seed_rules import SeedChange
from kpi_warehouse.mutation.worlds import World

TRUTH, DATA_TEST, WARNING, UNIT_TEST = "truth", "data test", "warning", "unit test"
REGISTRY_RULE, SEED_TEST, LOCK = "registry rule", "seed test", "lock"
KINDS = (TRUTH, DATA_TEST, WARNING, UNIT_TEST, REGISTRY_RULE, SEED_TEST, LOCK)
"""What catches errors, as the report has them."""


@dataclass(frozen=True)
class Planted:
    """An error in place.

    Attributes:
        mutant: What was planted; None to see that nothing is found where nothing is planted.
        world: The world it is tried on.
        bench: Where it is planted.
        changed: The models and seeds whose content it changes.
        tests: The data tests as compiled with it.
        warned: How many rows each test that only warns returns with nothing planted.
    """

    mutant: Mutant | None
    world: World
    bench: Bench
    changed: Container[str]
    tests: Mapping[str, DataTest]
    warned: Mapping[str, int]


Detector = Callable[[Planted], str | None]
"""Says what caught the error, None if nothing did."""


def by_truth(planted: Planted) -> str | None:
    """The KPI marts against the second computation from the world's log."""
    found = marts.problems(
        planted.bench, planted.world.expected, planted.world.log.as_of_date, planted.changed
    )
    return next(found, None)


def by_data_tests(planted: Planted) -> str | None:
    """The data tests of what changed."""
    for test in planted.tests.values():
        if test.is_error and _fails(test, planted, usual=0):
            return test.name
    return None


def by_warnings(planted: Planted) -> str | None:
    """The tests that only warn, if they warn of more than before."""
    for test in planted.tests.values():
        if not test.is_error and _fails(test, planted, planted.warned[test.name]):
            return test.name
    return None


def standard_detectors(folder: Path) -> dict[str, Detector]:
    """The project's tests but its unit tests, in the order in which they are asked.

    A further one is one entry here. The lock is only asked about changes of the seeds: of any
    change of a query it says that there is one, which proves nothing about the tests.
    """
    files = SeedFiles(folder)
    return {
        **WAREHOUSE_DETECTORS,
        REGISTRY_RULE: _about_seeds(files.by_registry_rules),
        SEED_TEST: _about_seeds(files.by_seed_tests),
        LOCK: _about_seeds(files.by_lock),
    }


WAREHOUSE_DETECTORS: dict[str, Detector] = {
    TRUTH: by_truth,
    DATA_TEST: by_data_tests,
    WARNING: by_warnings,
}
"""Those that look at the warehouse, whatever world it holds."""


def _fails(test: DataTest, planted: Planted, usual: int) -> bool:
    return any_changed(test.inputs, planted.changed) and planted.bench.count(test.sql) > usual


def _about_seeds(check: Callable[[SeedChange | None], str | None]) -> Detector:
    def detect(planted: Planted) -> str | None:
        if planted.mutant is None:
            return check(None)
        return check(planted.mutant.seed_change) if planted.mutant.seed_change else None

    return detect
