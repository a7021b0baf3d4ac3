"""An expectation with what a person needs who reads of its failure, and a batch to hold it to."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from great_expectations.expectations import Expectation

from kpi_warehouse.quality.rules import RULES, Rule

_SEVERITIES = {"error": "critical", "warning": "warning"}


@dataclass(frozen=True)
class Batch:
    """A profile, the suite that it is held against, and its names for people.

    Attributes:
        name: name of the suite, such as `landed.generic.calls`.
        where: the columns that say which row a finding is about.
    """

    name: str
    title_ja: str
    title_en: str
    where: tuple[str, ...]
    frame: pd.DataFrame
    expectations: tuple[Expectation, ...]


def check(rule_id: str, kind: type[Expectation], expected: str, **arguments: object) -> Expectation:
    """An expectation that carries its rule, and in words what it expects.

    `expected` is shown in Data Docs and in the list of findings.
    """
    rule: Rule = RULES[rule_id]
    return kind(
        severity=_SEVERITIES[rule.severity],
        description=f"{rule.name_ja} / {rule.name_en} — expected: {expected}",
        notes=f"How to mend: {rule.mend}.",
        meta={"rule": rule_id, "expected": expected},
        **arguments,
    )


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{share * 100:.4g} %"
