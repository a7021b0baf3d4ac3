"""Every KPI by every channel, in one period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from kpi_warehouse.dashboard import words
from kpi_warehouse.dashboard.blocks import GOOD, LATE, Block, Cell, Column, Heading, Note, Table
from kpi_warehouse.dashboard.kpi_rows import BY_CHANNEL, BY_TOTAL, read_values, record, value_cell
from kpi_warehouse.dashboard.pages.page import BASIS, PERIOD, Page
from kpi_warehouse.dashboard.view import BASES, GRAINS, Choices, Kpi, View
from kpi_warehouse.kpi_sheet.wording import PHASES, word
from kpi_warehouse.published import Row, Text


def compose(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Sequence[Block]:
    """A table per phase of the funnel: KPIs down, channels across."""
    kpis = [kpi for kpi in choices.kpis.values() if kpi.has_basis(view.basis)]
    wanted = [kpi.kpi_id for kpi in kpis]
    total = {
        row["kpi_id"]: row
        for row in read_values(connection, BY_TOTAL, view, wanted, (view.period,))
    }
    rows = read_values(connection, BY_CHANNEL, view, wanted, (view.period,))
    by = {(row["kpi_id"], row["part"]): row for row in rows}
    # a channel of which nothing happened in the period says nothing
    busy = {row["part"] for row in rows if row["numerator"]}
    channels = [channel for channel in choices.channels if channel in busy]
    period, basis = view.of(view.period.label), view.of(BASES[view.basis])
    blocks: list[Block] = [
        Note(
            view.say(
                "▲▼ は率の95%区間が全体の値を含まないチャネル(▲ 高い、▼ 低い)。"
                "斜体は小標本。率の下は 分子 / 分母。",
                "▲▼: the 95% interval of the rate does not hold the total's value (▲ above, "
                "▼ below). Italic: a small sample. Under a rate: numerator / denominator.",
            )
        )
    ]
    for phase in dict.fromkeys(kpi.phase for kpi in kpis):
        members = [kpi for kpi in kpis if kpi.phase == phase and kpi.kpi_id in total]
        name = view.of(word(PHASES, phase))
        columns = (
            Column(view.of(words.KPI)),
            Column(view.of(words.TOTAL), True),
            *(Column(view.of(choices.channels[channel]), True) for channel in channels),
        )
        table = tuple(
            (
                Cell(view.of(kpi.name), note=_unit(kpi, view)),
                value_cell(total[kpi.kpi_id], kpi, view),
                *(
                    _compared(by.get((kpi.kpi_id, channel)), total[kpi.kpi_id], kpi, view)
                    for channel in channels
                ),
            )
            for kpi in members
        )
        records = tuple(
            record(row, kpi, view, **{view.of(words.CHANNEL): channel})
            for kpi in members
            for channel, row in (
                (view.of(words.TOTAL), total[kpi.kpi_id]),
                *(
                    (view.of(choices.channels[each]), by[kpi.kpi_id, each])
                    for each in channels
                    if (kpi.kpi_id, each) in by
                ),
            )
        )
        caption = view.say(f"{name}・{period}・{basis}", f"{name}, {period}, {basis.lower()}")
        blocks += [Heading(name), Table(f"matrix_{phase}", caption, columns, table, records)]
    return blocks


def _unit(kpi: Kpi, view: View) -> str:
    """The unit of a time, which no figure beside it names."""
    units = {
        "minutes": view.say("単位:分", "in minutes"),
        "hours": view.say("単位:時間", "in hours"),
        "days": view.say("単位:日", "in days"),
    }
    return units.get(kpi.unit, "")


def _compared(row: Row | None, total: Row, kpi: Kpi, view: View) -> Cell:
    """A channel's cell; a sign where its rate surely differs from the total's."""
    cell = value_cell(row, kpi, view)
    if (
        row is None
        or row["is_small_sample"]
        or row["value"] is None
        or row["ci_low"] is None
        or total["value"] is None
    ):
        return cell
    if row["ci_low"] > total["value"]:
        sign, is_good = "▲", kpi.polarity == "higher"
    elif row["ci_high"] < total["value"]:
        sign, is_good = "▼", kpi.polarity == "lower"
    else:
        return cell
    colour = "" if kpi.polarity == "neutral" else GOOD if is_good else LATE
    return replace(cell, text=f"{sign} {cell.text}", mark=cell.mark or colour)


PAGE = Page(
    page_id="matrix",
    name=Text("チャネル×KPI", "Channels × KPIs"),
    question=Text(
        "どのチャネルが、どのKPIで、全体と違うか。",
        "Which channel differs from the total, in which KPI?",
    ),
    icon=":material/grid_on:",
    filters=frozenset({PERIOD, BASIS}),
    compose=compose,
    grains=tuple(GRAINS),
)
