"""A sample of the mutants, on request; `make mutation` tries them all."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from kpi_warehouse.mutation.report import Outcome, lines
from kpi_warehouse.mutation.run import Selection, run
from kpi_warehouse.mutation.trial import ERROR, SURVIVED

SAMPLE = 20

# two worlds of all systems take minutes: asked for by name, as the whole of it is
pytestmark = pytest.mark.skipif(
    os.environ.get("MUTATION_SAMPLE") != "1",
    reason="set MUTATION_SAMPLE=1 to try a sample of the planted errors; make mutation tries all",
)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    selection = Selection(sample=SAMPLE, seed=20260930)
    return run(tmp_path_factory.mktemp("mutation"), selection, lambda line: None, jobs=2)


def test_a_sample_of_planted_errors_is_caught(outcome: Outcome) -> None:
    assert len(outcome.verdicts) == SAMPLE
    assert outcome.is_clean, "\n".join(lines(outcome))


def test_the_sample_proves_something(outcome: Outcome) -> None:
    """Several kinds of tests catch errors of many rules, and few of the queries cannot run."""
    kinds = Counter(verdict.caught_by for verdict in outcome.verdicts)
    assert len(kinds.keys() - {ERROR, SURVIVED}) >= 2, kinds
    assert kinds[ERROR] <= SAMPLE // 5, kinds
    assert len({verdict.mutant.rule for verdict in outcome.verdicts}) >= 8
