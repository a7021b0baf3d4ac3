"""One KPI over time, against its targets, and by channel."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard import charts, words
from kpi_warehouse.dashboard.blocks import Block, Cell, Chart, Column, Heading, Note, Table
from kpi_warehouse.dashboard.kpi_rows import (
    BY_CHANNEL,
    bounds,
    is_settled,
    mark,
    number,
    of_selection,
    quotient,
    read_values,
    record,
    selection_name,
    state,
    tip_labels,
    tips,
)
from kpi_warehouse.dashboard.pages.page import BASIS, CHANNEL, KPI, PERIOD, SINCE, TEAM, Page
from kpi_warehouse.dashboard.view import ALL, BASES, EVENT, GRAINS, MONTH, Choices, Kpi, View
from kpi_warehouse.published import Row, Text, read_rows
from kpi_warehouse.review.numbers import figure

# panels beyond say nothing any more
_PANELS = 12


def compose(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Sequence[Block]:
    """The trend of the selection, its table, and the channels side by side."""
    kpi = choices.kpis[view.kpi]
    name, basis = view.of(kpi.name), view.of(BASES[view.basis])
    if not kpi.has_basis(view.basis):
        return [
            Note(
                view.say(
                    f"{name}には{basis}の値がありません。", f"{name} has no value {basis.lower()}."
                ),
                is_warning=True,
            )
        ]
    periods = choices.between(view.since, view.period)
    source, only = of_selection(view, kpi)
    rows = read_values(connection, source, view, [kpi.kpi_id], periods, only)
    if not rows:
        said = view.say(f"{name}の値がありません。", f"There is no value of {name}.")
        return [Note(said, is_warning=True)]
    targets = _read_targets(connection, view, kpi)
    labels = {period.start: view.of(period.label) for period in periods}
    whose = selection_name(view, choices)
    title = view.say(f"{name}:{whose}({basis})", f"{name}: {whose} ({basis.lower()})")
    blocks: list[Block] = _left_out(view, kpi, whose)
    drawn = [_drawn(row, kpi, view, labels, targets) for row in rows]
    tip_names = tip_labels(view, label=view.of(words.PERIOD))
    if targets:
        tip_names["tip_target"] = view.of(words.TARGET)
    blocks += [
        Chart(
            "trend",
            title,
            view.say(
                f"{title}の推移。数値は下の表にあります。",
                f"{title} over time. The table below holds the numbers.",
            ),
            charts.trend(drawn, kpi.shown_unit, view.language, tip_names),
        ),
        Note(_legend(kpi, view, bool(targets))),
        _table(rows, kpi, view, labels, targets, title),
    ]
    if view.team == ALL and view.channel == ALL and kpi.has_channel:
        blocks += _channels(connection, kpi, view, choices, labels)
    return blocks


def _read_targets(connection: duckdb.DuckDBPyConnection, view: View, kpi: Kpi) -> dict[object, Row]:
    """By the first day of the month: the target of the KPI's owner, which only months have."""
    if view.grain != MONTH or view.basis != EVENT or view.team != ALL:
        return {}
    rows = read_rows(
        connection,
        """
        select month, target, attainment
        from marts.kpi_attainment
        where kpi_id = $kpi and department = $owner and channel_id = $channel
        """,
        {"kpi": kpi.kpi_id, "owner": kpi.owner, "channel": view.channel},
    )
    return {row["month"]: row for row in rows}


def _left_out(view: View, kpi: Kpi, whose: str) -> list[Block]:
    if view.team != ALL and view.channel != ALL:
        return [
            Note(
                view.say(
                    f"チームとチャネルの組み合わせはマートにないため、{whose}の全チャネルを表示しています。",
                    f"The marts split by team or by channel, not by both: all channels of {whose}.",
                )
            )
        ]
    if view.team != ALL and not kpi.has_team:
        return [Note(view.say("このKPIにチーム別の値はありません。", "It has no value by team."))]
    if view.channel != ALL and not kpi.has_channel:
        said = view.say("このKPIにチャネル別の値はありません。", "It has no value by channel.")
        return [Note(said)]
    return []


def _drawn(row: Row, kpi: Kpi, view: View, labels: dict, targets: dict) -> dict[str, object]:
    target = targets.get(row["period_start"])
    goal = target["target"] if target else None
    return {
        "label": labels[row["period_start"]],
        "value": number(row["value"]),
        "low": number(row["ci_low"]),
        "high": number(row["ci_high"]),
        "target": number(goal),
        "is_settled": is_settled(row, view),
        "is_small": row["is_small_sample"],
        "tip_target": figure(goal, kpi.shown_unit, view.language),
    } | tips(row, kpi, view)


def _legend(kpi: Kpi, view: View, has_targets: bool) -> str:
    ja = ["●確定", "○途中または未成熟(線でつながない)", "灰色は小標本"]
    en = ["● settled", "○ in progress or not mature (not joined)", "grey: small sample"]
    if kpi.is_ratio:
        ja.append("帯は95%区間")
        en.append("band: 95% interval")
    if has_targets:
        ja.append("━ 責任部門の目標")
        en.append("━ target of the owner")
    return view.say(" / ".join(ja), " / ".join(en))


def _table(
    rows: Sequence[Row], kpi: Kpi, view: View, labels: dict, targets: dict, title: str
) -> Table:
    columns = [
        Column(view.of(words.PERIOD)),
        Column(view.of(kpi.name), True),
        Column(f"{view.of(words.NUMERATOR)} / {view.of(words.DENOMINATOR)}", True),
        Column(view.of(words.INTERVAL), True),
        Column(view.of(words.STATE)),
    ]
    if targets:
        columns += [Column(view.of(words.TARGET), True), Column(view.of(words.ATTAINMENT), True)]
    table, records = [], []
    for row in reversed(rows):
        said = state(row, view)
        cells = [
            Cell(labels[row["period_start"]]),
            Cell(figure(row["value"], kpi.shown_unit, view.language), mark=mark(row, view)),
            Cell(quotient(row, kpi, view.language) or MISSING),
            Cell(bounds(row, kpi.shown_unit, view.language) or MISSING),
            Cell(said or MISSING),
        ]
        first = {view.of(words.PERIOD): row["period_start"]}
        last: dict[str, object] = {}
        if targets:
            target = targets.get(row["period_start"], {"target": None, "attainment": None})
            cells += [
                Cell(figure(target["target"], kpi.shown_unit, view.language)),
                Cell(figure(target["attainment"], "rate", view.language)),
            ]
            last = {
                view.of(words.TARGET): target["target"],
                view.of(words.ATTAINMENT): target["attainment"],
            }
        table.append(tuple(cells))
        records.append(record(row, kpi, view, **first) | last)
    return Table(f"trend_{kpi.kpi_id}", title, tuple(columns), tuple(table), tuple(records))


def _channels(
    connection: duckdb.DuckDBPyConnection,
    kpi: Kpi,
    view: View,
    choices: Choices,
    labels: dict,
) -> list[Block]:
    periods = choices.between(view.since, view.period)
    rows = read_values(connection, BY_CHANNEL, view, [kpi.kpi_id], periods)
    weight: dict[str, float] = {}
    for row in rows:
        size = row["denominator"] if row["denominator"] is not None else row["numerator"]
        weight[row["part"]] = weight.get(row["part"], 0) + float(size or 0)
    largest = sorted(weight, key=lambda channel: -weight[channel])[:_PANELS]
    shown = [channel for channel in choices.channels if channel in largest and weight[channel]]
    drawn = [
        {
            "series": view.of(choices.channels[row["part"]]),
            "label": labels[row["period_start"]],
            "value": number(row["value"]),
            "is_settled": is_settled(row, view),
            "is_small": row["is_small_sample"],
        }
        | tips(row, kpi, view)
        for channel in shown
        for row in rows
        if row["part"] == channel
    ]
    if not drawn:
        return []
    labels_of_tips = tip_labels(view, series=view.of(words.CHANNEL), label=view.of(words.PERIOD))
    name = view.of(kpi.name)
    title = view.say(f"チャネル別の{name}", f"{name} by channel")
    said = view.say(
        f"件数の多い{len(shown)}チャネル。率は共通の目盛り、件数はチャネルごとの目盛り。",
        f"The {len(shown)} largest channels; rates share a scale, counts have one each.",
    )
    return [
        Heading(title),
        Note(said),
        Chart(
            "trend_by_channel",
            title,
            view.say(f"{title}の推移。", f"{title} over time."),
            charts.small_multiples(drawn, kpi.shown_unit, view.language, labels_of_tips),
        ),
    ]


PAGE = Page(
    page_id="trends",
    name=Text("推移", "Trends"),
    question=Text(
        "KPIはどう動いているか。目標に届いているか。",
        "How does a KPI move, and against its target?",
    ),
    icon=":material/show_chart:",
    filters=frozenset({PERIOD, SINCE, CHANNEL, TEAM, BASIS, KPI}),
    compose=compose,
    grains=tuple(GRAINS),
)
