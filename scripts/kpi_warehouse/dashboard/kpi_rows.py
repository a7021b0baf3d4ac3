"""Rows of the KPI tables, and how a value is written with what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard import words
from kpi_warehouse.dashboard.blocks import OPEN, SMALL, Cell
from kpi_warehouse.dashboard.view import ALL, BASES, COHORT, Choices, Kpi, Period, View
from kpi_warehouse.published import Row, read_rows
from kpi_warehouse.review.numbers import figure, interval

Values = Mapping[tuple[str, ...], Row]
# which table holds a KPI by what; the total has no column of its own
BY_TOTAL = ("marts.kpi_by_period", "'all'")
BY_CHANNEL = ("marts.kpi_by_channel_period", "channel_id")
BY_TEAM = ("marts.kpi_by_team_period", "team")
_COLUMNS = """
    kpi_id, period_start, numerator, denominator, value, ci_low, ci_high, is_small_sample,
    is_mature, is_complete, is_mixed_version, definition_version
"""


def read_values(
    connection: duckdb.DuckDBPyConnection,
    source: tuple[str, str],
    view: View,
    kpis: Iterable[str],
    periods: Sequence[Period],
    only: str | None = None,
) -> list[Row]:
    """The rows of KPIs in periods of one grain, by `part`: channel, team, or `all`.

    Args:
        connection: published marts.
        source: BY_TOTAL, BY_CHANNEL or BY_TEAM.
        view: names the basis.
        kpis: KPI ids.
        periods: of one grain, in their order.
        only: one channel or team; none: all of them.
    """
    table, part = source
    if not periods:
        return []
    # table and column are the constants above; what is looked for is handed over beside the SQL
    return read_rows(
        connection,
        f"""
        select {part} as part, {_COLUMNS}
        from {table}
        where
            period_grain = $grain
            and basis = $basis
            and period_start between $first and $last
            and kpi_id in (select unnest($kpis))
            and ($only is null or {part} = $only)
        order by period_start, part
        """,
        {
            "grain": periods[0].grain,
            "basis": view.basis,
            "first": periods[0].start,
            "last": periods[-1].start,
            "kpis": list(kpis),
            "only": only,
        },
    )


def of_selection(view: View, kpi: Kpi | None = None) -> tuple[tuple[str, str], str | None]:
    """Table and part that the filters for channel and team ask for; a team before a channel."""
    if view.team != ALL and (kpi is None or kpi.has_team):
        return BY_TEAM, view.team
    if view.channel != ALL and (kpi is None or kpi.has_channel):
        return BY_CHANNEL, view.channel
    return BY_TOTAL, None


def selection_name(view: View, choices: Choices) -> str:
    """What the filters for channel and team ask for, in words."""
    if view.team != ALL:
        return view.team
    if view.channel != ALL:
        return view.of(choices.channels[view.channel])
    return view.of(words.ALL_CHANNELS)


def is_settled(row: Row, view: View) -> bool:
    """Whether its value will not change any more by time alone."""
    return row["is_complete"] and (view.basis != COHORT or row["is_mature"])


def state(row: Row, view: View) -> str:
    """What has to be known about a value: in progress, not mature, a small sample."""
    found = []
    if not row["is_complete"]:
        found.append(words.IN_PROGRESS)
    elif view.basis == COHORT and not row["is_mature"]:
        found.append(words.NOT_MATURE)
    if row["is_small_sample"]:
        found.append(words.SMALL_SAMPLE)
    return view.say("・", ", ").join(map(view.of, found))


def mark(row: Row, view: View) -> str:
    """How a value is marked."""
    if row["is_small_sample"]:
        return SMALL
    return "" if is_settled(row, view) else OPEN


def quotient(row: Row, kpi: Kpi, language: str) -> str:
    """Numerator over denominator; nothing where nothing is divided."""
    if kpi.unit not in ("rate", "ratio") or row["denominator"] is None or row["numerator"] is None:
        return ""
    numerator = figure(row["numerator"], kpi.numerator_unit, language)
    return f"{numerator} / {figure(row['denominator'], kpi.denominator_unit, language)}"


def bounds(row: Row, unit: str, language: str) -> str:
    """The interval; nothing without one."""
    if row["ci_low"] is None or row["ci_high"] is None:
        return ""
    return interval(row["ci_low"], row["ci_high"], unit, language)


def hint(row: Row, kpi: Kpi, view: View) -> str:
    """All that a value rests on, in a line."""
    found = []
    if said := quotient(row, kpi, view.language):
        found.append(said)
    elif row["denominator"] is not None:
        cases = figure(row["denominator"], "count", view.language)
        found.append(view.say(f"{cases}件", f"{cases} cases"))
    if between := bounds(row, kpi.shown_unit, view.language):
        found.append(f"{view.of(words.INTERVAL)} {between}")
    if said := state(row, view):
        found.append(said)
    return " · ".join(found)


def value_cell(row: Row | None, kpi: Kpi, view: View) -> Cell:
    """A KPI's value, its quotient beneath, all it rests on at hand."""
    if row is None or row["value"] is None:
        return Cell(MISSING)
    return Cell(
        figure(row["value"], kpi.shown_unit, view.language),
        note=quotient(row, kpi, view.language) if kpi.is_ratio else "",
        hint=hint(row, kpi, view),
        mark=mark(row, view),
    )


def tips(row: Row, kpi: Kpi, view: View) -> dict[str, str]:
    """The texts of a chart's tooltip, by the keys of `tip_labels`."""
    return {
        "tip_value": figure(row["value"], kpi.shown_unit, view.language),
        "tip_quotient": quotient(row, kpi, view.language) or MISSING,
        "tip_interval": bounds(row, kpi.shown_unit, view.language) or MISSING,
        "tip_state": state(row, view) or MISSING,
    }


def tip_labels(view: View, **first: str) -> dict[str, str]:
    """The labels of a chart's tooltip."""
    return first | {
        "tip_value": view.of(words.VALUE),
        "tip_quotient": f"{view.of(words.NUMERATOR)} / {view.of(words.DENOMINATOR)}",
        "tip_interval": view.of(words.INTERVAL),
        "tip_state": view.of(words.STATE),
    }


def record(row: Row, kpi: Kpi, view: View, **first: object) -> dict[str, Any]:
    """A row of a download: what it is of, the value as it is, and what it rests on."""
    say = view.of
    return first | {
        "kpi_id": kpi.kpi_id,
        say(words.KPI): say(kpi.name),
        say(words.BASIS): say(BASES[view.basis]),
        say(words.NUMERATOR): row["numerator"],
        say(words.DENOMINATOR): row["denominator"],
        say(words.VALUE): row["value"],
        say(words.LOW): row["ci_low"],
        say(words.HIGH): row["ci_high"],
        say(words.STATE): state(row, view),
    }


def number(value: object) -> float | None:
    """A number as a chart takes it."""
    return None if value is None else float(value)  # type: ignore[arg-type]
