"""What the departments had agreed on at each time, and the truth counted by it.

An event counts by what was agreed on its own day: the policies that decide what it is, and the
formulas of the KPIs that it enters. The newest formula of a KPI is that of its metric; older ones
are only known to the registry.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from kpi_warehouse.definitions.registry import ONE_DAY, read_registry
from kpi_warehouse.semantic_layer.definitions import read_metrics
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.truth.calendar import APRIL
from kpi_warehouse.truth.durations import observations
from kpi_warehouse.truth.events import all_events
from kpi_warehouse.truth.facts import Policies
from kpi_warehouse.truth.kpis import (
    STATISTICS,
    Kpi,
    Statistic,
    Truth,
    formula_of_metric,
    formula_of_registry,
    kpi_of,
    statistic_of,
    statistics_truth,
    truth_of_spells,
    with_statistics,
)

if TYPE_CHECKING:
    from kpi_warehouse.world.log import WorldLog


# the policies that decide what is counted, and what their values are
_POLICY_TYPES = {
    "meeting_counts_at": str,
    "follow_up_starts": str,
    "open_window_days": int,
    "influence_window_days": int,
    "recycle_minimum_approaches": int,
}


@dataclass(frozen=True)
class Spell:
    """What was agreed from a day on, until the next spell."""

    first_day: date
    policies: Policies
    kpis: tuple[Kpi, ...]
    statistics: tuple[Statistic, ...] = STATISTICS


def read_spells(project: Path = PROJECT_DIR) -> tuple[Spell, ...]:
    """The spells of a project's registry, in order; each begins where a row of it does or ends."""
    folder = project / "seeds" / "registry"
    metrics = read_metrics(project / "models" / "semantic")
    registry, _ = read_registry(folder)
    versions = [version for version in registry.versions if registry.is_published(version)]
    policies = [row for row in registry.policies if row.policy_id in _POLICY_TYPES]
    newest = {version.kpi_id: version.version for version in registry.published()}
    rows = (*versions, *policies)
    days = {row.effective_from for row in rows} | {
        row.effective_to + ONE_DAY for row in rows if row.effective_to
    }
    return tuple(
        Spell(
            day,
            Policies(
                **{
                    row.policy_id: _POLICY_TYPES[row.policy_id](row.value)
                    for row in policies
                    if row.effective_from <= day <= row.last_day
                }
            ),
            tuple(
                kpi_of(
                    version.cells,
                    formula_of_metric(version.cells, metrics.get(version.kpi_id))
                    if version.version == newest[version.kpi_id]
                    else formula_of_registry(version.cells),
                )
                for version in versions
                if version.effective_from <= day <= version.last_day and not version.distribution_id
            ),
            tuple(
                statistic_of(version.cells)
                for version in versions
                if version.effective_from <= day <= version.last_day and version.distribution_id
            ),
        )
        for day in sorted(days)
    )


def truth_as_agreed(
    log: "WorldLog", spells: Sequence[Spell] | None = None, fiscal_year_start_month: int = APRIL
) -> Truth:
    """Every KPI of the log, each event by what was agreed on its day.

    A case is by the policies of the day on which it ended, the as-of date while it has not; a
    statistic is by what was agreed on the last day of its period.

    Args:
        log: what truly happened.
        spells: what was agreed when, in order; none: as the project's registry says.
        fiscal_year_start_month: 1 to 12; quarters and halves are counted from it.
    """
    spells = read_spells() if spells is None else spells
    counted = truth_of_spells(events_as_agreed(log, spells), fiscal_year_start_month)
    label_day = pl.min_horizontal("period_end", pl.lit(log.as_of_date))
    dated = list(_with_ends(spells))
    cases = pl.concat(
        observations(log, spell.policies).filter(
            pl.col("event_date")
            .fill_null(log.as_of_date)
            .is_between(spell.first_day, end, closed="left")
        )
        for spell, end in dated
    )
    for spell, end in dated:
        computed = statistics_truth(cases, spell.statistics, fiscal_year_start_month)
        is_labelled = label_day.is_between(spell.first_day, end, closed="left")
        counted = with_statistics(counted, _restricted(computed, is_labelled))
    return counted


def events_as_agreed(
    log: "WorldLog", spells: Sequence[Spell] | None = None
) -> list[tuple[tuple[Kpi, ...], pl.DataFrame]]:
    """The KPIs of each spell, and the events of its days as its policies count them.

    Args:
        log: what truly happened.
        spells: what was agreed when, in order; none: as the project's registry says.
    """
    return [
        (
            spell.kpis,
            all_events(log, spell.policies).filter(
                pl.col("event_date").is_between(spell.first_day, end, closed="left")
            ),
        )
        for spell, end in _with_ends(read_spells() if spells is None else spells)
    ]


def _with_ends(spells: Sequence[Spell]) -> Iterator[tuple[Spell, date]]:
    """Each spell with the first day after it."""
    return zip(spells, [*(spell.first_day for spell in spells[1:]), date.max], strict=True)


def _restricted(truth: Truth, condition: pl.Expr) -> Truth:
    return Truth(**{name: frame.filter(condition) for name, frame in vars(truth).items()})
