"""The semantic layer in step with the registry: the same KPIs, names, words and formulas."""

from __future__ import annotations

from collections.abc import Iterator

from kpi_warehouse.definitions.registry import read_registry
from kpi_warehouse.semantic_layer.definitions import (
    Metric,
    Row,
    formula_of,
    has,
    published_definitions,
    read_metrics,
    shown,
)

from .project import Project, Violation

RULE = "metrics_and_registry_agree"
FOLDER = "models/semantic"


def metrics_and_registry_agree(project: Project) -> Iterator[Violation]:
    """Every published KPI of the event basis has its metric, and every metric is in the registry.

    A KPI's metric has the names, the words and the measures of its newest published version. The
    other metrics count a measure that is no KPI, and have its id, names and words.
    """
    folder = project.root / "seeds" / "registry"
    registry, _ = read_registry(folder)
    metrics = read_metrics(project.root / FOLDER)
    published = {
        kpi_id: row
        for kpi_id, row in published_definitions(folder).items()
        if has(row, "has_event_basis")
    }
    measures = {row.measure_id: row.cells for row in registry.measures}
    drafted = {version.kpi_id for version in registry.versions} - set(published)
    for kpi_id in published:
        if kpi_id not in metrics:
            yield Violation(RULE, kpi_id, f"is published and has no metric: add it to {FOLDER}")
    for name, metric in metrics.items():
        if name in published:
            yield from _of_kpi(metric, published[name])
        elif name in drafted:
            yield Violation(
                RULE,
                name,
                "its metric shows a KPI that is not published on the event basis: get the missing "
                f"sign-offs, or take the metric out of {FOLDER}",
            )
        elif name in measures:
            yield from _of_measure(metric, measures[name])
        else:
            yield Violation(
                RULE,
                name,
                "is neither a KPI nor a measure of the registry: define it in seeds/registry, or "
                f"take the metric out of {FOLDER}",
            )


def _of_kpi(metric: Metric, row: Row) -> Iterator[Violation]:
    where = f"version {row['version']} in kpi_definitions.csv"
    yield from _described(metric, row, "definition", where)
    agreed = formula_of(row)
    if (metric.numerator, metric.denominator) != agreed:
        yield Violation(
            RULE,
            metric.name,
            f"counts {metric.formula}, and version {row['version']} was agreed as "
            f"{shown(*agreed)}: mend the metric, or agree on a new version in the registry",
        )


def _of_measure(metric: Metric, row: Row) -> Iterator[Violation]:
    yield from _described(metric, row, "counts", "measures.csv")
    if (metric.numerator, metric.denominator) != (metric.name, None):
        yield Violation(
            RULE,
            metric.name,
            f"is named as a measure and counts {metric.formula}: let it count {metric.name} alone",
        )


def _described(metric: Metric, row: Row, column: str, where: str) -> Iterator[Violation]:
    words = f"{row[f'{column}_ja']}\n{row[f'{column}_en']}"
    label = f"{row['name_ja']} / {row['name_en']}"
    if metric.label != label:
        yield Violation(
            RULE,
            metric.name,
            f"write its label as {where} names it: {label!r}, not {metric.label!r}",
        )
    if metric.description.strip() != words:
        yield Violation(
            RULE, metric.name, f"write its description in the words of {where}: {words!r}"
        )
