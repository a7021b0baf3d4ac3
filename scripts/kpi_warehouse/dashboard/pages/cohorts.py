"""Leads by the month in which they were acquired, and how far they have come since."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard import charts, words
from kpi_warehouse.dashboard.blocks import (
    OPEN,
    SMALL,
    Block,
    Cell,
    Chart,
    Column,
    Heading,
    Note,
    Table,
)
from kpi_warehouse.dashboard.pages.page import CHANNEL, STAGE, Page
from kpi_warehouse.dashboard.view import ALL, LONG_GRAINS, Choices, View
from kpi_warehouse.published import Row, Text, read_rows
from kpi_warehouse.review.numbers import figure, interval


def compose(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Sequence[Block]:
    """The grid of one stage by months since acquisition, then all stages as they stand now."""
    rows = _read_cohorts(connection, view)
    whose = view.of(words.ALL_CHANNELS if view.channel == ALL else choices.channels[view.channel])
    stage = view.of(choices.stages[view.stage])
    of_stage = [row for row in rows if row["stage_id"] == view.stage and row["leads"]]
    if not of_stage:
        said = view.say("リードのあるコホートがありません。", "There is no cohort with leads.")
        return [Note(said, is_warning=True)]
    title = view.say(f"{stage}に到達した割合:{whose}", f"Share that reached {stage}: {whose}")
    return [
        Heading(title),
        Note(
            view.say(
                "行は獲得月、列は獲得からの経過月。値は累計。斜体・灰色は小標本、"
                "末尾の * は未成熟(まだ増える)。",
                "A row is a month of acquisition, a column the months since; shares add up over "
                "time. Grey and italic: a small sample. A * : not mature, it will still grow.",
            )
        ),
        *_grid(of_stage, title, view),
        Heading(view.say("現時点の到達状況", "As it stands now")),
        _standing(rows, view, choices, whose),
    ]


def _read_cohorts(connection: duckdb.DuckDBPyConnection, view: View) -> list[Row]:
    is_total = view.channel == ALL
    table = "marts.kpi_cohort_conversion_total" if is_total else "marts.kpi_cohort_conversion"
    of_channel = "" if is_total else "where channel_id = $channel"
    # both pieces of SQL are the constants above
    return read_rows(
        connection,
        f"select * from {table} {of_channel} order by cohort_month, months_since",
        {} if is_total else {"channel": view.channel},
    )


def _grid(rows: Sequence[Row], title: str, view: View) -> list[Block]:
    months = sorted({row["months_since"] for row in rows})
    drawn, records = [], []
    by_cohort: dict[str, dict[int, Cell]] = {}
    for row in rows:
        cohort = _month(row, view)
        text = _share(row, view)
        between = interval(row["ci_low"], row["ci_high"], "rate", view.language)
        drawn.append(
            {
                "x": str(row["months_since"]),
                "y": cohort,
                "value": row["rate"],
                "text": f"{row['rate'] * 100:.0f}{'' if row['is_mature'] else '*'}",
                "is_small": row["is_small_sample"],
                "tip_value": text,
                "tip_quotient": f"{row['reached']:,} / {row['leads']:,}",
                "tip_interval": between,
                "tip_state": _state(row, view) or MISSING,
            }
        )
        by_cohort.setdefault(cohort, {})[row["months_since"]] = Cell(
            text,
            note=f"{row['reached']:,} / {row['leads']:,}",
            hint=f"{view.of(words.INTERVAL)} {between}",
            mark=_mark(row),
        )
        records.append(_record(row, view))
    cohort_label = view.say("獲得月", "Acquired")
    since = view.say("獲得からの経過月", "Months since acquisition")
    tips = {
        "y": cohort_label,
        "x": since,
        "tip_value": view.of(words.VALUE),
        "tip_quotient": f"{view.of(words.NUMERATOR)} / {view.of(words.DENOMINATOR)}",
        "tip_interval": view.of(words.INTERVAL),
        "tip_state": view.of(words.STATE),
    }
    columns = (Column(cohort_label), *(Column(str(month), True) for month in months))
    table = tuple(
        (Cell(cohort), *(cells.get(month, Cell(MISSING)) for month in months))
        for cohort, cells in reversed(by_cohort.items())
    )
    return [
        Chart(
            "cohorts",
            title,
            view.say(
                f"{title}(獲得月×経過月)。数値は下の表にあります。",
                f"{title}, by month of acquisition and months since. The table below holds the "
                "numbers.",
            ),
            charts.heat_map(drawn, tips, f"{since}(%)", [str(month) for month in months]),
        ),
        Table("cohorts", title, columns, table, tuple(records)),
    ]


def _standing(rows: Sequence[Row], view: View, choices: Choices, whose: str) -> Table:
    """Each cohort by its last month since: what part has reached each stage."""
    newest: dict[tuple[object, str], Row] = {}
    for row in rows:
        newest[row["cohort_month"], row["stage_id"]] = row
    cohorts = sorted({cohort for cohort, _ in newest}, reverse=True)
    stages = [stage for stage in choices.stages if any(key[1] == stage for key in newest)]
    columns = (
        Column(view.say("獲得月", "Acquired")),
        Column(view.say("リード数", "Leads"), True),
        *(Column(view.of(choices.stages[stage]), True) for stage in stages),
    )
    table, records = [], []
    for cohort in cohorts:
        of_cohort = {stage: newest.get((cohort, stage)) for stage in stages}
        one = next(row for row in of_cohort.values() if row)
        cells = [Cell(_month(one, view)), Cell(f"{one['leads']:,}")]
        for row in of_cohort.values():
            if row is None or row["rate"] is None:
                cells.append(Cell(MISSING))
                continue
            between = interval(row["ci_low"], row["ci_high"], "rate", view.language)
            cells.append(
                Cell(
                    _share(row, view),
                    note=f"{row['reached']:,}",
                    hint=f"{view.of(words.INTERVAL)} {between}",
                    mark=_mark(row),
                )
            )
            records.append(
                {view.say("段階", "Stage"): view.of(choices.stages[row["stage_id"]])}
                | _record(row, view)
            )
        table.append(tuple(cells))
    caption = view.say(
        f"{whose}・{choices.as_of} 時点(* は未成熟)",
        f"{whose}, as of {choices.as_of} (*: not mature)",
    )
    return Table("cohorts_by_stage", caption, columns, tuple(table), tuple(records))


def _month(row: Row, view: View) -> str:
    month = row["cohort_month"]
    return view.say(f"{month.year}年{month.month}月", f"{month:%Y-%m}")


def _share(row: Row, view: View) -> str:
    star = "" if row["is_mature"] else "*"
    return f"{figure(row['rate'], 'rate', view.language)}{star}"


def _state(row: Row, view: View) -> str:
    found = [] if row["is_mature"] else [words.NOT_MATURE]
    found += [words.SMALL_SAMPLE] if row["is_small_sample"] else []
    return view.say("・", ", ").join(map(view.of, found))


def _mark(row: Row) -> str:
    return SMALL if row["is_small_sample"] else "" if row["is_mature"] else OPEN


def _record(row: Row, view: View) -> dict[str, object]:
    return {
        view.say("獲得月", "Acquired"): row["cohort_month"],
        view.say("獲得からの経過月", "Months since acquisition"): row["months_since"],
        view.of(words.NUMERATOR): row["reached"],
        view.of(words.DENOMINATOR): row["leads"],
        view.of(words.VALUE): row["rate"],
        view.of(words.LOW): row["ci_low"],
        view.of(words.HIGH): row["ci_high"],
        view.of(words.STATE): _state(row, view),
    }


PAGE = Page(
    page_id="cohorts",
    name=Text("コホート", "Cohorts"),
    question=Text(
        "獲得したリードは、その後どこまで進んだか。",
        "How far have the leads of a month come since?",
    ),
    icon=":material/stacked_line_chart:",
    filters=frozenset({CHANNEL, STAGE}),
    compose=compose,
    grains=LONG_GRAINS,
)
