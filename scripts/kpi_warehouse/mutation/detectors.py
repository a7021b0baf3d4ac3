"""What may catch a planted error: the project's tests, each kind behind one function."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass

from kpi_warehouse.mutation import marts
from kpi_warehouse.mutation.bench import Bench, any_changed
from kpi_warehouse.mutation.mutants import Mutant
from kpi_warehouse.mutation.project import DataTest
from kpi_warehouse.mutation.worlds import World

TRUTH, DATA_TEST, UNIT_TEST = "truth", "data test", "unit test"


@dataclass(frozen=True)
class Planted:
    """An error in place.

    Attributes:
        mutant: What was planted; None to see that nothing is found where nothing is planted.
        world: The world it is tried on.
        bench: Where it is planted.
        changed: The models and seeds whose content it changes.
        tests: The data tests as compiled with it.
    """

    mutant: Mutant | None
    world: World
    bench: Bench
    changed: Container[str]
    tests: Mapping[str, DataTest]


Detector = Callable[[Planted], str | None]
"""Says what caught the error, None if nothing did."""


def by_truth(planted: Planted) -> str | None:
    """The KPI marts against the second computation from the world's log."""
    found = marts.problems(
        planted.bench, planted.world.expected, planted.world.log.as_of_date, planted.changed
    )
    return next(found, None)


def by_data_tests(planted: Planted) -> str | None:
    """The data tests of what changed; tests that only warn do not count."""
    for test in planted.tests.values():
        if (
            test.is_error
            and any_changed(test.inputs, planted.changed)
            and planted.bench.count(test.sql)
        ):
            return test.name
    return None


DETECTORS: dict[str, Detector] = {TRUTH: by_truth, DATA_TEST: by_data_tests}
"""In the order in which they are asked. A further one is one entry here."""
