"""A mutation run from end to end: worlds, mutants, trials, verdicts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.mutation.detectors import WAREHOUSE_DETECTORS, Detector, standard_detectors
from kpi_warehouse.mutation.equivalents import entry_of, read_equivalents, stale
from kpi_warehouse.mutation.mutants import Mutant, generate, sample_of
from kpi_warehouse.mutation.report import EQUIVALENT, Outcome, judge
from kpi_warehouse.mutation.trial import ERROR, SURVIVED, Trials, Verdict
from kpi_warehouse.mutation.unit_tests import UnitTests, capture
from kpi_warehouse.mutation.worlds import World, build, first_plan, second_plan
from kpi_warehouse.settings import project_variables

Say = Callable[[str], None]

_SECONDS_BETWEEN_LINES = 15


@dataclass(frozen=True)
class Selection:
    """Which mutants to try; without any choice, all that the caps allow.

    Attributes:
        rules: Names of rules; empty: all.
        targets: Models or seeds; empty: all.
        sample: How many of those, drawn by `seed`; None: all.
        seed: Of the sample.
    """

    rules: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    sample: int | None = None
    seed: int = 1

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return not (self.rules or self.targets or self.sample)

    def of(self, mutants: Sequence[Mutant]) -> list[Mutant]:
        """The mutants chosen.

        Raises:
            UserError: there are none.
        """
        chosen = [
            mutant
            for mutant in mutants
            if (not self.rules or mutant.rule in self.rules)
            and (not self.targets or mutant.target in self.targets)
        ]
        if not chosen:
            rules = ", ".join(sorted({mutant.rule for mutant in mutants}))
            raise UserError("no mutant is chosen", "--rule, --model", f"rules are {rules}")
        return sample_of(chosen, self.sample, self.seed) if self.sample else chosen


def run(
    folder: Path,
    selection: Selection,
    say: Say,
    detectors: Mapping[str, Detector] | None = None,
    jobs: int | None = None,
) -> Outcome:
    """Plant every chosen mutant in a small world and see what catches it.

    What survives there is tried again in another world, with other policies and another as-of
    date, before it counts as a survivor.

    Args:
        folder: Where worlds are built; what is there is built anew.
        selection: Which mutants.
        say: Takes the lines of progress.
        detectors: What may catch them; default the project's tests.
        jobs: Mutants tried side by side; default one per core.

    Raises:
        BuildError: the project fails its tests before any error is planted.
        UserError: no mutant is chosen, or the list of equivalents is not sound.
    """
    reasons = read_equivalents()
    jobs = jobs or os.cpu_count() or 1
    world = build(first_plan(), folder / "first", say)
    mutants, possible = _generate(world)
    chosen = selection.of(mutants)
    unit_tests = UnitTests(capture(world.environment(), world.folder / "dbt"), world.project)
    if detectors is None:
        detectors = standard_detectors(folder / "seeds")
    verdicts = _try(world, folder, unit_tests, detectors, jobs, chosen, say)
    doubtful = [
        verdict.mutant
        for verdict in verdicts
        if verdict.caught_by == SURVIVED
        # whether the list is true is for the whole run to say
        and (selection.is_everything or not entry_of(verdict.mutant.mutant_id, reasons))
    ]
    if doubtful:
        second = build(second_plan(), folder / "second", say)
        again = _try(second, folder, None, WAREHOUSE_DETECTORS, jobs, doubtful, say)
        verdicts = _replace(verdicts, again)
    verdicts = judge(verdicts, reasons)
    return Outcome(
        verdicts,
        possible,
        unit_tests.left_out,
        stale(reasons, (mutant.mutant_id for mutant in mutants)) if selection.is_everything else [],
        [
            verdict.mutant.mutant_id
            for verdict in verdicts
            if verdict.caught_by not in (SURVIVED, EQUIVALENT, ERROR)
            and entry_of(verdict.mutant.mutant_id, reasons)
        ],
    )


def _generate(world: World) -> tuple[list[Mutant], Mapping[str, int]]:
    with duckdb.connect(str(world.warehouse), read_only=True) as connection:
        return generate(world.project, connection, project_variables())


def _try(
    world: World,
    folder: Path,
    unit_tests: UnitTests | None,
    detectors: Mapping[str, Detector],
    jobs: int,
    mutants: Sequence[Mutant],
    say: Say,
) -> list[Verdict]:
    trials = Trials(
        world,
        folder / "benches",
        unit_tests,
        detectors,
        min(jobs, len(mutants)),
    )
    try:
        trials.check_unmutated()
        say(f"planting {len(mutants)} errors")
        return trials.run(mutants, _Progress(len(mutants), say))
    finally:
        trials.close()


def _replace(verdicts: Sequence[Verdict], again: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts with those of the second world where it caught what the first did not."""
    caught = {
        verdict.mutant.mutant_id: verdict
        for verdict in again
        if verdict.caught_by not in (SURVIVED, ERROR)
    }
    return [caught.get(verdict.mutant.mutant_id, verdict) for verdict in verdicts]


class _Progress:
    """Reports survivors as they come, and every now and then how far it is."""

    def __init__(self, total: int, say: Say) -> None:
        self._total = total
        self._say = say
        self._done = 0
        self._survived = 0
        self._last_line = self._started = time.monotonic()
        self._lock = Lock()

    def __call__(self, verdict: Verdict) -> None:
        with self._lock:
            self._done += 1
            self._survived += verdict.caught_by == SURVIVED
            now = time.monotonic()
            if self._done == self._total or now - self._last_line >= _SECONDS_BETWEEN_LINES:
                self._last_line = now
                self._say(
                    f"  {self._done}/{self._total}, not caught so far {self._survived},"
                    f" {now - self._started:.0f} s"
                )
