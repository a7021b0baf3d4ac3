"""A whole run of the fuzzer: landing one by one, builds in batches, what went wrong kept."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kpi_warehouse.fuzz.build_run import BuildTrial
from kpi_warehouse.fuzz.cases import Case, make_case
from kpi_warehouse.fuzz.corpus import Source, read_sources
from kpi_warehouse.fuzz.landing_run import run_cases
from kpi_warehouse.pipeline import STAGING_DIR

_SECONDS_BETWEEN_LINES = 20
_SHOWN = 300

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What a run does: which files, how many of them to a build (0: none), and for how long."""

    seed: int
    numbers: Sequence[int]
    batch_size: int
    seconds: float | None = None
    lands: bool = True


def run(plan: Plan, folder: Path, say: Say) -> list[str]:
    """Carry out the plan below `folder`; a line per file or build that went wrong."""
    sources = read_sources(STAGING_DIR)
    started = time.monotonic()

    def is_over() -> bool:
        return plan.seconds is not None and time.monotonic() - started > plan.seconds

    failures = []
    if plan.lands:
        failures += _land(plan, folder, sources, say, is_over)
    if plan.batch_size and not is_over():
        failures += _build(plan, folder, sources, say, is_over)
    say(f"{time.monotonic() - started:.0f} s, {len(failures)} failures")
    return failures


def _land(
    plan: Plan, folder: Path, sources: Sequence[Source], say: Say, is_over: Callable[[], bool]
) -> Iterator[str]:
    fates: Counter[str] = Counter()
    last_line = time.monotonic()
    numbers = itertools.takewhile(lambda number: not is_over(), plan.numbers)
    for outcome in run_cases(folder / "landing", plan.seed, numbers):
        fates[outcome.fate] += 1
        if outcome.problems:
            case = make_case(sources, plan.seed, outcome.number)
            yield _kept(case, outcome.problems, folder)
        if time.monotonic() - last_line > _SECONDS_BETWEEN_LINES:
            say(f"  landed {fates.total():,} of {len(plan.numbers):,}")
            last_line = time.monotonic()
    say(f"landing: {fates.total():,} damaged files of seed {plan.seed}")
    for fate, count in fates.most_common():
        say(f"  {count:>6,}  {fate}")


def _build(
    plan: Plan, folder: Path, sources: Sequence[Source], say: Say, is_over: Callable[[], bool]
) -> Iterator[str]:
    trial = BuildTrial(folder / "build")
    batches = [
        plan.numbers[start : start + plan.batch_size]
        for start in range(0, len(plan.numbers), plan.batch_size)
    ]
    built = 0
    for numbers in batches:
        if is_over():
            break
        cases = [make_case(sources, plan.seed, number) for number in numbers]
        problems = trial.run(cases)
        built += 1
        say(f"  build {built} of {len(batches)}: {len(cases)} files, {len(problems)} problems")
        if problems:
            guilty = trial.isolate(cases)
            for case in guilty:
                _kept(case, problems, folder)
            names = ", ".join(str(case.number) for case in guilty)
            yield f"build beside {names}: {'; '.join(problems)[:_SHOWN]}"
    first = [make_case(sources, plan.seed, number) for number in batches[0][:3]]
    for problem in trial.run_strictly(first):
        yield f"a build that has to fail: {problem[:_SHOWN]}"
    say(f"builds: {built + 1} beside {min(built * plan.batch_size, len(plan.numbers)):,} files")


def _kept(case: Case, problems: Sequence[str], folder: Path) -> str:
    kept = case.keep(folder / "failed", problems)
    shown = "; ".join(problem.strip().splitlines()[-1] for problem in problems)
    return f"{case.number}: {'; '.join(case.recipe)}: {shown[:_SHOWN]} ({kept})"
