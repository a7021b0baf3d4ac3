"""When calls are answered: hours by weekdays and holidays."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard import charts, words
from kpi_warehouse.dashboard.blocks import Block, Cell, Chart, Column, Heading, Note, Table
from kpi_warehouse.dashboard.pages.page import CHANNEL, PERIOD, Page
from kpi_warehouse.dashboard.view import ALL, LONG_GRAINS, Choices, View
from kpi_warehouse.published import Row, Text, read_rows, text_of
from kpi_warehouse.review.numbers import figure, interval

# each rate with its numerator and denominator, as the mart calls them
_RATES = {
    "connection_rate": ("calls_connected", "calls_made"),
    "target_connection_rate": ("target_connections", "calls_to_targets"),
}


def compose(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Sequence[Block]:
    """Two grids, then the hours that are clearly better than the rest."""
    view = view.of_long_grain(choices)
    rows = _read_hours(connection, view)
    period = view.of(view.period.label)
    whose = view.of(words.ALL_CHANNELS if view.channel == ALL else choices.channels[view.channel])
    if not any(row["calls_made"] for row in rows):
        said = view.say(f"{period}に架電はありません。", f"There were no calls in {period}.")
        return [Note(said, is_warning=True)]
    blocks: list[Block] = []
    if not view.period.is_complete:
        blocks.append(
            Note(view.say(f"{period}は途中です。", f"{period} is in progress."), is_warning=True)
        )
    for kpi_id in _RATES:
        name = view.of(choices.kpis[kpi_id].name)
        caption = view.say(f"{name}:{whose}・{period}", f"{name}: {whose}, {period}")
        blocks += [Heading(name), *_grid(rows, kpi_id, caption, view, choices)]
    blocks += _best(connection, view, choices, whose)
    return blocks


def _read_hours(connection: duckdb.DuckDBPyConnection, view: View) -> list[Row]:
    is_total = view.channel == ALL
    table = "marts.connection_by_hour_total" if is_total else "marts.connection_by_hour"
    of_channel = "" if is_total else "and channel_id = $channel"
    parameters = {"grain": view.grain, "first": view.period.start}
    # both pieces of SQL are the constants above
    return read_rows(
        connection,
        f"""
        select *
        from {table}
        where period_grain = $grain and period_start = $first {of_channel}
        order by day_class_order, hour_of_day
        """,
        parameters if is_total else parameters | {"channel": view.channel},
    )


def _grid(
    rows: Sequence[Row], kpi_id: str, caption: str, view: View, choices: Choices
) -> list[Block]:
    numerator, denominator = _RATES[kpi_id]
    called = [row for row in rows if row[denominator]]
    hours = sorted({row["hour_of_day"] for row in called})
    drawn, records = [], []
    by_day: dict[str, dict[int, Cell]] = {}
    for row in called:
        is_small = row[denominator] < choices.small_sample_below
        day = view.of(text_of(row, "day_class_name"))
        quotient = f"{row[numerator]:,} / {row[denominator]:,}"
        between = interval(row[f"{kpi_id}_ci_low"], row[f"{kpi_id}_ci_high"], "rate", view.language)
        text = figure(row[kpi_id], "rate", view.language)
        said = view.of(words.SMALL_SAMPLE) if is_small else MISSING
        hour = _hour(row["hour_of_day"], view)
        drawn.append(
            {
                "x": hour,
                "y": day,
                "value": row[kpi_id] or 0,
                "text": text,
                "is_small": is_small,
                "tip_value": text,
                "tip_quotient": quotient,
                "tip_interval": between,
                "tip_state": said,
            }
        )
        mark = "small" if is_small else ""
        by_day.setdefault(day, {})[row["hour_of_day"]] = Cell(
            text, note=quotient, hint=f"{view.of(words.INTERVAL)} {between}", mark=mark
        )
        records.append(
            {
                view.say("曜日", "Day"): day,
                view.say("時", "Hour"): row["hour_of_day"],
                view.of(words.NUMERATOR): row[numerator],
                view.of(words.DENOMINATOR): row[denominator],
                view.of(words.VALUE): row[kpi_id],
                view.of(words.LOW): row[f"{kpi_id}_ci_low"],
                view.of(words.HIGH): row[f"{kpi_id}_ci_high"],
                view.of(words.STATE): "" if said == MISSING else said,
            }
        )
    columns = (
        Column(view.say("曜日", "Day")),
        *(Column(_hour(hour, view), True) for hour in hours),
    )
    table = tuple(
        (Cell(day), *(cells.get(hour, Cell(MISSING)) for hour in hours))
        for day, cells in by_day.items()
    )
    tips = {
        "y": view.say("曜日", "Day"),
        "x": view.say("時間帯", "Hour"),
        "tip_value": view.of(words.VALUE),
        "tip_quotient": f"{view.of(words.NUMERATOR)} / {view.of(words.DENOMINATOR)}",
        "tip_interval": view.of(words.INTERVAL),
        "tip_state": view.of(words.STATE),
    }
    return [
        Chart(
            f"hours_{kpi_id}",
            caption,
            view.say(
                f"{caption}の時間帯×曜日。数値は下の表にあります。",
                f"{caption}, by hour and weekday. The table below holds the numbers.",
            ),
            charts.heat_map(
                drawn,
                tips,
                view.say("架電の開始時刻(時)", "Hour in which the call began"),
                [_hour(hour, view) for hour in hours],
            ),
        ),
        Table(f"hours_{kpi_id}", caption, columns, table, tuple(records)),
    ]


def _best(
    connection: duckdb.DuckDBPyConnection, view: View, choices: Choices, whose: str
) -> list[Block]:
    is_total = view.channel == ALL
    table = "marts.best_call_times_total" if is_total else "marts.best_call_times"
    of_channel = "" if is_total else "where channel_id = $channel"
    rows = read_rows(
        connection,
        f"select * from {table} {of_channel} order by kpi_id, rank_number",
        {} if is_total else {"channel": view.channel},
    )
    if not rows:
        return []
    first, last = rows[0]["period_start"], rows[0]["period_end"]
    title = view.say("かけるとよい時間帯", "When to call")
    caption = view.say(
        f"{whose}・{first} から {last}(95%区間の下限が高い順)",
        f"{whose}, {first} to {last}, by the lower bound of the 95% interval",
    )
    columns = (
        Column(view.of(words.KPI)),
        Column(view.say("順位", "Rank"), True),
        Column(view.say("曜日・時間帯", "Day and hour")),
        Column(view.of(words.VALUE), True),
        Column(f"{view.of(words.NUMERATOR)} / {view.of(words.DENOMINATOR)}", True),
        Column(view.of(words.INTERVAL), True),
        Column(view.say("全時間帯", "All hours"), True),
        Column(view.say("明らかに良い", "Clearly better")),
    )
    body = tuple(
        (
            Cell(view.of(choices.kpis[row["kpi_id"]].name)),
            Cell(str(row["rank_number"])),
            Cell(f"{view.of(text_of(row, 'day_class_name'))} {_hour(row['hour_of_day'], view)}"),
            Cell(figure(row["value"], "rate", view.language)),
            Cell(f"{row['numerator']:,} / {row['denominator']:,}"),
            Cell(interval(row["ci_low"], row["ci_high"], "rate", view.language)),
            Cell(figure(row["overall_value"], "rate", view.language)),
            Cell(view.say("はい", "Yes") if row["is_clearly_better"] else MISSING),
        )
        for row in rows
        if row["kpi_id"] in choices.kpis
    )
    return [Heading(title), Table("best_call_times", caption, columns, body)]


def _hour(hour: int, view: View) -> str:
    return view.say(f"{hour}時", f"{hour}:00")


PAGE = Page(
    page_id="hours",
    name=Text("時間帯", "Hours"),
    question=Text("いつかけるとつながるか。", "When are calls answered?"),
    icon=":material/schedule:",
    filters=frozenset({PERIOD, CHANNEL}),
    compose=compose,
    grains=LONG_GRAINS,
)
