"""What a mutation run found, in lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kpi_warehouse.console import table
from kpi_warehouse.mutation.detectors import KINDS
from kpi_warehouse.mutation.equivalents import entry_of
from kpi_warehouse.mutation.trial import ERROR, SURVIVED, Verdict

EQUIVALENT = "equivalent"
_COLUMNS = (*KINDS, ERROR, EQUIVALENT, SURVIVED)


@dataclass(frozen=True)
class Outcome:
    """All verdicts of a run.

    Attributes:
        verdicts: One per mutant that was tried; a survivor on the list is `equivalent`.
        possible: How many mutants each rule allows, of which a few per model were tried.
        left_out: Unit tests that could not be used, with the reason.
        stale: Entries of the list of equivalents that no rule makes any more; of a whole run.
        wrongly_listed: Mutants under an entry of that list that a test has caught.
    """

    verdicts: Sequence[Verdict]
    possible: Mapping[str, int]
    left_out: Mapping[str, str]
    stale: Sequence[str]
    wrongly_listed: Sequence[str]

    @property
    def survivors(self) -> list[Verdict]:
        """Mutants that nothing caught and nobody explained."""
        return [verdict for verdict in self.verdicts if verdict.caught_by == SURVIVED]

    @property
    def counted(self) -> int:
        """Mutants that run: those whose query fails prove nothing."""
        return sum(verdict.caught_by != ERROR for verdict in self.verdicts)

    @property
    def is_clean(self) -> bool:
        """Whether every mutant is caught, or listed, and the list is true."""
        return not (self.survivors or self.stale or self.wrongly_listed)


def judge(verdicts: Iterable[Verdict], reasons: Mapping[str, str]) -> list[Verdict]:
    """Survivors that are listed as equivalent become so."""
    judged = []
    for verdict in verdicts:
        entry = entry_of(verdict.mutant.mutant_id, reasons)
        if verdict.caught_by == SURVIVED and entry:
            verdict = Verdict(verdict.mutant, EQUIVALENT, reasons[entry])
        judged.append(verdict)
    return judged


def lines(outcome: Outcome) -> list[str]:
    """The report: a table per rule, then what needs somebody."""
    return [
        "",
        *_table(outcome),
        "",
        f"{outcome.counted} mutants, {len(outcome.survivors)} survived",
        *_section(
            "survived: write a test that fails with it, or list it as equivalent with the reason",
            [_told(verdict) for verdict in outcome.survivors],
        ),
        *_section(
            "the query fails, which needs no test (not counted)",
            [_told(verdict) for verdict in outcome.verdicts if verdict.caught_by == ERROR],
        ),
        *_section(
            "listed as equivalent, but no rule makes it: take it off the list", outcome.stale
        ),
        *_section("listed as equivalent, but caught: take it off the list", outcome.wrongly_listed),
        *_section(
            "unit tests that no mutant was held against",
            [f"{name}: {reason}" for name, reason in sorted(outcome.left_out.items())],
        ),
    ]


def _table(outcome: Outcome) -> list[str]:
    by_rule: dict[str, Counter[str]] = defaultdict(Counter)
    for verdict in outcome.verdicts:
        by_rule[verdict.mutant.rule][verdict.caught_by] += 1
    rows = [
        [rule, str(outcome.possible.get(rule, 0)), str(found.total())]
        + [str(found[kind] or "") for kind in _COLUMNS]
        for rule, found in sorted(by_rule.items())
    ]
    total = sum(by_rule.values(), Counter())
    rows.append(
        ["all", str(sum(outcome.possible.get(rule, 0) for rule in by_rule)), str(total.total())]
        + [str(total[kind] or "") for kind in _COLUMNS]
    )
    return table([["rule", "possible", "run", *_COLUMNS]], rows)


def _section(title: str, entries: Sequence[str]) -> list[str]:
    return ["", f"{title}:", *(f"  {entry}" for entry in entries)] if entries else []


def _told(verdict: Verdict) -> str:
    return f"{verdict.mutant.mutant_id}: {verdict.mutant.text} ({verdict.detail})"
