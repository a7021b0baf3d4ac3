"""The funnel of one period: what came in, what became of it, by channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard import charts, words
from kpi_warehouse.dashboard.blocks import (
    GOOD,
    LATE,
    STRONG,
    Block,
    Cell,
    Chart,
    Column,
    Fact,
    Facts,
    Heading,
    Note,
    Table,
)
from kpi_warehouse.dashboard.kpi_rows import (
    BY_CHANNEL,
    BY_TOTAL,
    hint,
    is_settled,
    mark,
    number,
    quotient,
    read_values,
    record,
    state,
)
from kpi_warehouse.dashboard.pages.page import BASIS, CHANNEL, PERIOD, Page
from kpi_warehouse.dashboard.view import ALL, BASES, EVENT, GRAINS, MONTH, Choices, Kpi, View
from kpi_warehouse.published import Row, Text, read_rows
from kpi_warehouse.review.numbers import difference, figure

# what is looked at first; the steps between leads and deals stand in seeds.bottleneck_steps
_HEADLINES = (
    "meetings",
    "qualified_meetings",
    "deals_won",
    "won_amount",
    "connection_rate",
    "meeting_rate",
    "qualified_meeting_rate",
    "win_rate",
)


def compose(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Sequence[Block]:
    """Headlines, the steps in total, the steps by channel."""
    steps = _read_steps(connection)
    kpis = choices.kpis
    wanted = [kpi for kpi in {*_HEADLINES, *steps, *filter(None, steps.values())} if kpi in kpis]
    before = choices.before(view.period)
    periods = (before, view.period) if before else (view.period,)
    source, only = (BY_TOTAL, None) if view.channel == ALL else (BY_CHANNEL, view.channel)
    rows = read_values(connection, source, view, wanted, periods, only)
    now = {row["kpi_id"]: row for row in rows if row["period_start"] == view.period.start}
    then = {row["kpi_id"]: row for row in rows if row["period_start"] != view.period.start}
    by_channel = read_values(connection, BY_CHANNEL, view, wanted, (view.period,))
    targets = _read_targets(connection, view)
    whose = view.of(words.ALL_CHANNELS if view.channel == ALL else choices.channels[view.channel])
    period = view.of(view.period.label)
    blocks: list[Block] = []
    if not view.period.is_complete:
        blocks.append(
            Note(
                view.say(
                    f"{period}は途中です({choices.as_of} まで)。終わった期間とは比べません。",
                    f"{period} is in progress (up to {choices.as_of}) and not compared with "
                    "periods that are over.",
                ),
                is_warning=True,
            )
        )
    facts = tuple(
        _headline(kpis[kpi], now[kpi], then.get(kpi), targets.get(kpi), view)
        for kpi in _HEADLINES
        if kpi in now and kpis[kpi].has_basis(view.basis)
    )
    blocks += [
        Facts(view.say("主要KPI", "Main KPIs"), facts),
        Heading(view.say(f"ファネル:{whose}", f"Funnel: {whose}")),
        Facts(
            view.say("ファネルの段階", "Steps of the funnel"), _steps(steps, kpis, now, view), True
        ),
        Heading(view.say("チャネル別ファネル", "Funnel by channel")),
        *_by_channel(steps, by_channel, now, view, choices),
    ]
    return blocks


def _read_steps(connection: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    """Each step of the funnel, a KPI, and the KPI that is its rate of the step before."""
    rows = read_rows(
        connection, "select step, rate_kpi_id from seeds.bottleneck_steps order by sort_order"
    )
    return {row["step"]: row["rate_kpi_id"] for row in rows}


def _read_targets(connection: duckdb.DuckDBPyConnection, view: View) -> Mapping[str, Row]:
    """The owners' targets of the month."""
    if view.grain != MONTH or view.basis != EVENT:
        return {}
    rows = read_rows(
        connection,
        """
        select targets.kpi_id, targets.target, targets.attainment, targets.status
        from marts.kpi_attainment as targets
        inner join marts.dim_kpis as kpis
            on targets.kpi_id = kpis.kpi_id and targets.department = kpis.owner_department
        where kpis.is_current and targets.month = $month and targets.channel_id = $channel
        """,
        {"month": view.period.start, "channel": view.channel},
    )
    return {row["kpi_id"]: row for row in rows}


def _headline(kpi: Kpi, row: Row, before: Row | None, target: Row | None, view: View) -> Fact:
    notes = []
    if quotient(row, kpi, view.language) and kpi.is_ratio:
        notes.append(quotient(row, kpi, view.language))
    if (
        before
        and before["value"] is not None
        and row["value"] is not None
        and is_settled(row, view)
        and is_settled(before, view)
    ):
        changed = difference(
            number(row["value"]) - number(before["value"]), kpi.shown_unit, view.language
        )
        notes.append(view.say(f"前期比 {changed}", f"{changed} vs the period before"))
    colour = mark(row, view)
    if target and target["target"] is not None:
        goal = figure(target["target"], kpi.shown_unit, view.language)
        share = figure(target["attainment"], "rate", view.language)
        notes.append(view.say(f"目標 {goal}(達成率 {share})", f"target {goal}, attained {share}"))
        colour = colour or {"on_track": GOOD, "behind": LATE, "review": LATE}.get(
            target["status"] or "", ""
        )
    if said := state(row, view):
        notes.append(said)
    return Fact(
        view.of(kpi.name),
        figure(row["value"], kpi.shown_unit, view.language),
        notes=tuple(notes),
        hint=hint(row, kpi, view),
        mark=colour,
    )


def _steps(
    steps: Mapping[str, str | None],
    kpis: Mapping[str, Kpi],
    now: Mapping[str, Row],
    view: View,
) -> tuple[Fact, ...]:
    facts = []
    previous: Row | None = None
    for step, rate in steps.items():
        row = now.get(step)
        if row is None:
            continue
        kpi = kpis[step]
        note = _step_rate(row, previous, kpi, now.get(rate or ""), view) if previous else ""
        if note and kpi.unit != "jpy":
            note = view.say(f"前段階の {note}", f"{note} of the step before")
        facts.append(
            Fact(
                view.of(kpi.name),
                figure(row["value"], kpi.shown_unit, view.language),
                notes=(note,) if note else (),
            )
        )
        previous = row
    return tuple(facts)


def _step_rate(row: Row, previous: Row, kpi: Kpi, rate: Row | None, view: View) -> str:
    """How much of the step before came this far: the agreed rate, else the two counts."""
    if rate is not None and rate["value"] is not None:
        small = f" {view.of(words.SMALL_SAMPLE)}" if rate["is_small_sample"] else ""
        return f"{figure(rate['value'], 'rate', view.language)}{small}"
    if not previous["value"] or row["value"] is None:
        return ""
    of_one = number(row["value"]) / number(previous["value"])
    if kpi.unit == "jpy":
        return view.say(
            f"1件 {figure(of_one, 'jpy', view.language)}",
            f"{figure(of_one, 'jpy', view.language)} each",
        )
    if of_one > 1:
        return f"{figure(of_one, 'ratio', view.language)}×"
    return figure(of_one, "rate", view.language)


def _by_channel(
    steps: Mapping[str, str | None],
    rows: Sequence[Row],
    total: Mapping[str, Row],
    view: View,
    choices: Choices,
) -> list[Block]:
    kpis = choices.kpis
    by = {(row["part"], row["kpi_id"]): row for row in rows}
    shown_steps = [step for step in steps if step in kpis]
    # a channel of which nothing happened in the period says nothing
    channels = [
        channel
        for channel in choices.channels
        if (view.channel in (ALL, channel))
        and any(_value(by.get((channel, step))) for step in shown_steps)
    ]
    if not channels:
        return [Note(view.say("この期間の記録はありません。", "Nothing happened in this period."))]
    drawn, table, records = [], [], []
    if view.channel == ALL:
        table.append(_cells(view.of(words.TOTAL), STRONG, steps, total, kpis, view))
    for channel in channels:
        name = view.of(choices.channels[channel])
        of_channel = {step: by.get((channel, step)) for step in (*kpis,)}
        cells = _cells(name, "", steps, of_channel, kpis, view)
        table.append(cells)
        for step, cell in zip(shown_steps, cells[1:], strict=True):
            row = of_channel[step]
            if row is None:
                continue
            drawn.append(
                {
                    "step": view.of(kpis[step].name),
                    "channel": name,
                    "value": number(row["value"]),
                    "text": cell.text,
                    "tip_rate": cell.note or MISSING,
                    "tip_about": cell.hint or MISSING,
                }
            )
            of_step = {view.say("前段階との比", "Of the step before"): cell.note}
            channel_name = {view.of(words.CHANNEL): name}
            records.append(record(row, kpis[step], view, **channel_name) | of_step)
    period, basis = view.of(view.period.label), view.of(BASES[view.basis])
    caption = view.say(
        f"{period}・{basis}(下段は前段階との比)",
        f"{period}, {basis.lower()}; beneath, how much of the step before",
    )
    columns = (
        Column(view.of(words.CHANNEL)),
        *(Column(view.of(kpis[step].name), True) for step in shown_steps),
    )
    labels = {
        "channel": view.of(words.CHANNEL),
        "text": view.of(words.VALUE),
        "tip_rate": view.say("前段階との比", "Of the step before"),
        "tip_about": f"{view.of(words.NUMERATOR)} / {view.of(words.DENOMINATOR)}",
    }
    title = view.say(
        "段階ごとの件数(段階ごとに別の目盛り)", "Counts by step, each by its own scale"
    )
    return [
        Chart(
            "funnel_by_channel",
            title,
            view.say(
                f"{caption}のチャネル別ファネル。数値は下の表にあります。",
                f"Funnel by channel, {caption}. The table below holds the numbers.",
            ),
            charts.bars_by_step(drawn, labels, [view.of(kpis[step].name) for step in shown_steps]),
        ),
        Table("funnel_by_channel", caption, columns, tuple(table), tuple(records)),
    ]


def _cells(
    name: str,
    name_mark: str,
    steps: Mapping[str, str | None],
    rows: Mapping[str, Row | None],
    kpis: Mapping[str, Kpi],
    view: View,
) -> tuple[Cell, ...]:
    """A line of the table: each step's count, and beneath it how much of the step before it is."""
    cells = [Cell(name, mark=name_mark)]
    previous: Row | None = None
    for step, rate_kpi in steps.items():
        if step not in kpis:
            continue
        row = rows.get(step)
        if row is None:
            cells.append(Cell(MISSING))
            continue
        rate = rows.get(rate_kpi) if rate_kpi else None
        cells.append(
            Cell(
                figure(row["value"], kpis[step].shown_unit, view.language),
                note=_step_rate(row, previous, kpis[step], rate, view) if previous else "",
                hint=hint(rate, kpis[rate_kpi], view) if rate and rate_kpi else "",
                mark=mark(row, view),
            )
        )
        previous = row
    return tuple(cells)


def _value(row: Row | None) -> object:
    return row["value"] if row else None


PAGE = Page(
    page_id="funnel",
    name=Text("ファネル", "Funnel"),
    question=Text(
        "どのチャネルが、どの段階まで進んだか。", "How far did the leads of each channel get?"
    ),
    icon=":material/filter_alt:",
    filters=frozenset({PERIOD, CHANNEL, BASIS}),
    compose=compose,
    grains=tuple(GRAINS),
)
