"""The definition registry in itself: ids, and that KPIs and measures name each other."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator

from .project import Project, Violation

SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*$")
# columns of kpi_definitions that name a measure
NAMES_A_MEASURE = ("numerator_measure_id", "denominator_measure_id", "sample_measure_id")


def registry_ids_are_unique(project: Project) -> Iterator[Violation]:
    """kpi_id with its version, and measure_id, are snake_case and unique."""
    rule = "registry_ids_are_unique"
    keys = {"kpi_definitions": ("kpi_id", "version"), "measures": ("measure_id",)}
    for seed, key in keys.items():
        rows = _rows(project, seed)
        if not rows:
            yield Violation(rule, seed, "has no rows: a registry without definitions is a mistake")
        for name in sorted({row[key[0]] for row in rows}):
            if not SNAKE_CASE.match(name):
                yield Violation(rule, seed, f"write {key[0]} {name!r} in snake_case")
        counts = Counter(tuple(row.get(column, "") for column in key) for row in rows)
        for values, count in sorted(counts.items()):
            if count > 1:
                yield Violation(rule, seed, f"{' '.join(values)} stands there {count} times")


def measures_exist_and_are_used(project: Project) -> Iterator[Violation]:
    """Every measure a KPI names is in `measures`, and every measure there serves a KPI."""
    rule = "measures_exist_and_are_used"
    known = {row["measure_id"] for row in _rows(project, "measures")}
    used: set[str] = set()
    for row in _rows(project, "kpi_definitions"):
        named = {row[column] for column in NAMES_A_MEASURE if row.get(column)}
        used |= named
        if not row.get("numerator_measure_id"):
            yield Violation(rule, row["kpi_id"], "name its numerator_measure_id")
        for measure in sorted(named - known):
            yield Violation(rule, row["kpi_id"], f"add measure {measure} to measures.csv")
    for measure in sorted(known - used):
        yield Violation(rule, measure, "no KPI uses this measure: remove it, or define the KPI")


def _rows(project: Project, seed: str) -> list[dict[str, str]]:
    """Return the rows of a registry seed."""
    path = project.root / "seeds" / "registry" / f"{seed}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
