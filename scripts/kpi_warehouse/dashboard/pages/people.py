"""Teams and reps in one period, with what makes them comparable."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard import charts, words
from kpi_warehouse.dashboard.blocks import Block, Cell, Chart, Column, Heading, Note, Table
from kpi_warehouse.dashboard.kpi_rows import (
    BY_TEAM,
    bounds,
    hint,
    mark,
    number,
    quotient,
    read_values,
    record,
    state,
    tip_labels,
    tips,
)
from kpi_warehouse.dashboard.pages.page import BASIS, KPI, PERIOD, TEAM, Page
from kpi_warehouse.dashboard.view import ALL, BASES, LONG_GRAINS, Choices, Kpi, View
from kpi_warehouse.published import Row, Text, read_rows
from kpi_warehouse.review.numbers import figure

# a team of more is read in the table
_DRAWN = 30


def compose(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Sequence[Block]:
    """The teams, then the reps of each."""
    view = view.of_long_grain(choices)
    kpi = choices.kpis[view.kpi]
    name, basis = view.of(kpi.name), view.of(BASES[view.basis])
    period = view.of(view.period.label)
    reps = _read_reps(connection, view)
    if not reps:
        return [
            Note(
                view.say(
                    f"{name}の担当者別の値はありません({period}・{basis})。",
                    f"There is no {name} by rep ({period}, {basis.lower()}).",
                ),
                is_warning=True,
            )
        ]
    only = None if view.team == ALL else view.team
    teams = {
        row["part"]: row
        for row in read_values(connection, BY_TEAM, view, [kpi.kpi_id], (view.period,), only)
    }
    spread = {row["team"]: row for row in _read_spread(connection, view)}
    caption = view.say(f"{name}・{period}・{basis}", f"{name}, {period}, {basis.lower()}")
    of_team: dict[str, int] = {}
    drawn = [
        {
            "name": row["name"],
            "team": row["team"],
            "value": number(row["value"]),
            "low": number(row["ci_low"]),
            "high": number(row["ci_high"]),
            "median": number(spread[row["team"]]["median"]) if row["team"] in spread else None,
            "is_small": row["is_small_sample"],
        }
        | tips(row, kpi, view)
        for row in reps
        if row["value"] is not None and _count(of_team, row["team"]) <= _DRAWN
    ]
    blocks: list[Block] = [
        Heading(view.of(words.TEAM)),
        _team_table(
            teams, spread, kpi, view, view.say(f"チーム別:{caption}", f"{caption}, by team")
        ),
        Heading(view.of(words.REP)),
    ]
    if drawn:
        blocks += [
            Chart(
                "reps",
                caption,
                view.say(
                    f"担当者別の{caption}。数値は下の表にあります。",
                    f"{caption}, by rep. The table below holds the numbers.",
                ),
                charts.dots(
                    drawn, kpi.shown_unit, view.language, tip_labels(view, name=view.of(words.REP))
                ),
            ),
            Note(
                view.say(
                    "点は担当者、横線は95%区間、破線は比べられる担当者の中央値。灰色は小標本。"
                    f"1チームにつき値の大きい{_DRAWN}人まで。",
                    "A dot is a rep, its line the 95% interval, the dashed rule the median of the "
                    "reps that can be compared. Grey: a small sample. Of each team the "
                    f"{_DRAWN} highest.",
                )
            ),
        ]
    of_reps = view.say(f"担当者別:{caption}", f"{caption}, by rep")
    blocks.append(_rep_table(reps, kpi, view, of_reps))
    blocks.append(
        Note(
            view.say(
                "標準化は、全員が同じチャネル構成を担当したと仮定した率。",
                "Standardised: the rate if every rep had worked the same mix of channels.",
            )
        )
    )
    return blocks


def _count(seen: dict[str, int], team: str) -> int:
    seen[team] = seen.get(team, 0) + 1
    return seen[team]


def _read_reps(connection: duckdb.DuckDBPyConnection, view: View) -> list[Row]:
    return read_rows(
        connection,
        """
        with names as (
            select rep_id, arg_max(name, valid_from) as name
            from marts.dim_reps
            where valid_from <= $last
            group by rep_id
        )

        select reps.*, coalesce(names.name, reps.rep_id) as name
        from marts.rep_performance as reps
        left join names on reps.rep_id = names.rep_id
        where
            reps.kpi_id = $kpi
            and reps.basis = $basis
            and reps.period_grain = $grain
            and reps.period_start = $first
            and ($team = 'all' or reps.team = $team)
        order by reps.team, reps.value desc nulls last, reps.rep_id
        """,
        {
            "kpi": view.kpi,
            "basis": view.basis,
            "grain": view.grain,
            "first": view.period.start,
            "last": view.period.end,
            "team": view.team,
        },
    )


def _read_spread(connection: duckdb.DuckDBPyConnection, view: View) -> list[Row]:
    return read_rows(
        connection,
        """
        select team, reps, reps_compared, lowest, median, highest
        from marts.team_variance
        where
            kpi_id = $kpi and basis = $basis and period_grain = $grain and period_start = $first
        """,
        {
            "kpi": view.kpi,
            "basis": view.basis,
            "grain": view.grain,
            "first": view.period.start,
        },
    )


def _team_table(
    teams: dict[str, Row], spread: dict[str, Row], kpi: Kpi, view: View, caption: str
) -> Table:
    columns = (
        Column(view.of(words.TEAM)),
        Column(view.of(kpi.name), True),
        Column(f"{view.of(words.NUMERATOR)} / {view.of(words.DENOMINATOR)}", True),
        Column(view.of(words.INTERVAL), True),
        Column(view.say("担当者数(比較対象)", "Reps (compared)"), True),
        Column(view.say("最小–中央–最大", "Lowest – median – highest"), True),
        Column(view.of(words.STATE)),
    )
    table, records = [], []
    for team, row in teams.items():
        if not row["numerator"] and not row["denominator"]:
            continue
        among = spread.get(team)
        range_ = (
            " – ".join(
                figure(among[key], kpi.shown_unit, view.language)
                for key in ("lowest", "median", "highest")
            )
            if among and among["reps_compared"]
            else MISSING
        )
        table.append(
            (
                Cell(team),
                Cell(
                    figure(row["value"], kpi.shown_unit, view.language),
                    hint=hint(row, kpi, view),
                    mark=mark(row, view),
                ),
                Cell(quotient(row, kpi, view.language) or MISSING),
                Cell(bounds(row, kpi.shown_unit, view.language) or MISSING),
                Cell(f"{among['reps']} ({among['reps_compared']})" if among else MISSING),
                Cell(range_),
                Cell(state(row, view) or MISSING),
            )
        )
        records.append(record(row, kpi, view, **{view.of(words.TEAM): team}))
    return Table(f"teams_{kpi.kpi_id}", caption, columns, tuple(table), tuple(records))


def _rep_table(reps: Sequence[Row], kpi: Kpi, view: View, caption: str) -> Table:
    standardised = view.say("標準化した値", "Standardised value")
    months = view.say("着任からの月数", "Months since start")
    columns = (
        Column(view.of(words.REP)),
        Column(view.of(words.TEAM)),
        Column(view.of(kpi.name), True),
        Column(f"{view.of(words.NUMERATOR)} / {view.of(words.DENOMINATOR)}", True),
        Column(view.of(words.INTERVAL), True),
        Column(standardised, True),
        Column(months, True),
        Column(view.of(words.STATE)),
    )
    table = tuple(
        (
            Cell(row["name"]),
            Cell(row["team"] or MISSING),
            Cell(
                figure(row["value"], kpi.shown_unit, view.language),
                hint=hint(row, kpi, view),
                mark=mark(row, view),
            ),
            Cell(quotient(row, kpi, view.language) or MISSING),
            Cell(bounds(row, kpi.shown_unit, view.language) or MISSING),
            Cell(figure(row["standardised_value"], kpi.shown_unit, view.language)),
            Cell(figure(row["months_since_start"], "count", view.language)),
            Cell(state(row, view) or MISSING),
        )
        for row in reps
    )
    records = tuple(
        record(
            row,
            kpi,
            view,
            **{view.of(words.REP): row["name"], view.of(words.TEAM): row["team"]},
        )
        | {standardised: row["standardised_value"], months: row["months_since_start"]}
        for row in reps
    )
    return Table(f"reps_{kpi.kpi_id}", caption, columns, table, records)


PAGE = Page(
    page_id="people",
    name=Text("チーム・担当者", "Teams and reps"),
    question=Text(
        "チームと担当者はどう違うか。差は偶然の範囲か。",
        "How do teams and reps differ, and is it more than chance?",
    ),
    icon=":material/group:",
    filters=frozenset({PERIOD, TEAM, BASIS, KPI}),
    compose=compose,
    grains=LONG_GRAINS,
    takes=lambda kpi: kpi.has_rep,
)
