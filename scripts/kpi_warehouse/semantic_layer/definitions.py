"""What the metrics of models/semantic state, and which definitions of the registry are published.

A metric is named by its kpi_id and counts a measure, which is named by its measure_id; a ratio is
one metric over another. That is all that ties the two statements of a formula to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kpi_warehouse.definitions.registry import read_registry
from kpi_warehouse.yaml_file import read_yaml

Row = dict[str, str]

UNKNOWN = ""


@dataclass(frozen=True)
class Metric:
    """One metric: the measure it counts and, of a ratio, the measure it is divided by.

    A measure is "" where a ratio names a metric that does not exist or is itself a ratio. `inputs`
    are the metrics that a ratio divides; none for a count or an amount.
    """

    name: str
    label: str
    description: str
    numerator: str
    denominator: str | None = None
    inputs: tuple[str, ...] = ()

    @property
    def formula(self) -> str:
        """Its measures, as a message shows them."""
        return shown(self.numerator, self.denominator)


def shown(numerator: str, denominator: str | None) -> str:
    """A formula as a message shows it."""
    top = numerator or "no measure"
    return top if denominator is None else f"{top} ÷ {denominator or 'no measure'}"


def formula_of(row: Row) -> tuple[str, str | None]:
    """The measures that a metric of this row of the registry has to count.

    A statistic is a measure by itself, as MetricFlow aggregates: <distribution>_<statistic>.
    """
    if row["distribution_id"]:
        return f"{row['distribution_id']}_{row['statistic']}", None
    return row["numerator_measure_id"], row["denominator_measure_id"] or None


def read_metrics(folder: Path) -> dict[str, Metric]:
    """The metrics of a folder's YAML files by name; none if there is no such folder."""
    written = {
        metric["name"]: metric
        for path in sorted(folder.glob("**/*.y*ml"))
        for metric in (read_yaml(path) or {}).get("metrics") or []
    }
    counted = {
        name: _name(metric["type_params"]["measure"])
        for name, metric in written.items()
        if metric["type"] == "simple"
    }
    return {name: _metric(metric, counted) for name, metric in written.items()}


def _metric(written: dict, counted: dict[str, str]) -> Metric:
    name, params = written["name"], written["type_params"]
    inputs: tuple[str, ...] = ()
    sides = [counted.get(name, UNKNOWN), None]
    if written["type"] == "ratio":
        inputs = (_name(params["numerator"]), _name(params["denominator"]))
        sides = [counted.get(metric, UNKNOWN) for metric in inputs]
    return Metric(
        name, written.get("label", ""), written.get("description", ""), *sides, inputs=inputs
    )


def _name(reference: str | dict) -> str:
    """What a metric names, by its name alone or with more about it."""
    return reference if isinstance(reference, str) else reference["name"]


def published_definitions(registry: Path) -> dict[str, Row]:
    """The newest published version of every KPI that has one, by kpi_id in the registry's order."""
    newest: dict[str, Row] = {}
    for row in published_versions(registry):
        if int(row["version"]) >= int(newest.get(row["kpi_id"], row)["version"]):
            newest[row["kpi_id"]] = row
    return newest


def published_versions(registry: Path) -> list[Row]:
    """Every published version, in the registry's order."""
    found, _ = read_registry(registry)
    return [version.cells for version in found.versions if found.is_published(version)]


def has(row: Row, flag: str) -> bool:
    """Whether a row of the registry says yes to one of its flags."""
    return (row.get(flag) or "").strip().lower() == "true"
