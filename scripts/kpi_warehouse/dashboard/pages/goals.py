"""A month against its targets, what the goal requires of each step, and what would make it hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard import charts, words
from kpi_warehouse.dashboard.blocks import (
    ALARM,
    GOOD,
    LATE,
    STRONG,
    Block,
    Cell,
    Chart,
    Column,
    Heading,
    Note,
    Table,
)
from kpi_warehouse.dashboard.kpi_rows import number
from kpi_warehouse.dashboard.pages.page import CHANNEL, PERIOD, Page
from kpi_warehouse.dashboard.view import ALL, MONTH, Choices, View
from kpi_warehouse.published import Row, Text, read_rows, text_of
from kpi_warehouse.review.compose import NOT_JUDGED, STATUSES
from kpi_warehouse.review.numbers import difference, figure, interval, rate_unit

_MARKS = {"on_track": GOOD, "behind": LATE, "review": ALARM}
_INKS = {"on_track": "#0b6e4f", "behind": charts.AMBER, "review": "#a61b1b"}
# the levers of a channel are of that channel; of all channels they are too many to read
_OF_MONTH = "month = $month and channel_id = $channel"


def compose(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Sequence[Block]:
    """Attainment, bottlenecks, the tree with its levers, conflicts, the coming months."""
    view = view.of_grain(choices, MONTH)
    whose = view.of(words.ALL_CHANNELS if view.channel == ALL else choices.channels[view.channel])
    month = view.of(view.period.label)
    of = {"month": view.period.start, "channel": view.channel}
    blocks: list[Block] = [Heading(view.say(f"目標の達成状況:{month}", f"Targets of {month}"))]
    if not view.period.is_complete:
        said = view.say(
            f"{month}は途中です。達成率は月初からの実績、ペースは経過営業日に対する進み。",
            f"{month} is in progress: attained so far, pace against the business days gone.",
        )
        blocks.append(Note(said, is_warning=True))
    blocks += _attainment(connection, of, view, choices, whose)
    blocks += _bottlenecks(connection, of, view, whose)
    blocks += _tree(connection, of, view, choices, whose)
    blocks += _conflicts(connection, view)
    blocks += _coming(connection, view)
    return blocks


def _attainment(
    connection: duckdb.DuckDBPyConnection,
    of: Mapping[str, object],
    view: View,
    choices: Choices,
    whose: str,
) -> list[Block]:
    rows = read_rows(
        connection,
        f"""
        select attainment.*, reasons.name_ja as reason_ja, reasons.name_en as reason_en
        from marts.kpi_attainment as attainment
        left join seeds.undefined_reasons as reasons
            on attainment.status_reason = reasons.reason_id
        where {_OF_MONTH}
        """,
        of,
    )
    rows = sorted(
        (row for row in rows if row["kpi_id"] in choices.kpis),
        key=lambda row: (
            list(choices.departments).index(row["department"])
            if row["department"] in choices.departments
            else len(choices.departments),
            list(choices.kpis).index(row["kpi_id"]),
        ),
    )
    if not rows:
        said = view.say(f"{whose}の目標はありません。", f"There are no targets for {whose}.")
        return [Note(said)]
    drawn, table, records = [], [], []
    for row in rows:
        kpi = choices.kpis[row["kpi_id"]]
        department = choices.departments.get(row["department"])
        owner = view.of(department) if department else row["department"]
        status = view.of(STATUSES.get(row["status"], NOT_JUDGED))
        why = view.say(row["reason_ja"], row["reason_en"]) if row["reason_ja"] else ""
        goal = figure(row["target"], row["unit"], view.language)
        actual = figure(row["actual"], row["unit"], view.language)
        share = figure(row["attainment"], "rate", view.language)
        small = view.of(words.SMALL_SAMPLE) if row["is_small_sample"] else ""
        projected = MISSING
        if row["projected"] is not None:
            projected = figure(row["projected"], row["unit"], view.language)
        between = (
            interval(row["projected_low"], row["projected_high"], row["unit"], view.language)
            if row["projected_low"] is not None and row["projected_low"] != row["projected_high"]
            else ""
        )
        table.append(
            (
                Cell(view.of(kpi.name), note=owner),
                Cell(goal),
                Cell(actual, note=small, mark="small" if small else ""),
                Cell(share),
                Cell(figure(row["pace"], "rate", view.language)),
                Cell(projected, note=between),
                Cell(status, note=why, mark=_MARKS.get(row["status"], "")),
            )
        )
        if row["attainment"] is not None:
            drawn.append(
                {
                    "label": f"{view.of(kpi.name)} ({owner})",
                    "share": number(row["attainment"]),
                    "text": share,
                    "ink": _INKS.get(row["status"], charts.GREY),
                    "tip_target": goal,
                    "tip_actual": actual,
                    "tip_status": status,
                }
            )
        records.append(
            {
                view.say("部門", "Department"): owner,
                "kpi_id": row["kpi_id"],
                view.of(words.KPI): view.of(kpi.name),
                view.of(words.CHANNEL): whose,
                view.of(words.TARGET): row["target"],
                view.say("実績", "Actual"): row["actual"],
                view.of(words.NUMERATOR): row["numerator"],
                view.of(words.DENOMINATOR): row["denominator"],
                view.of(words.ATTAINMENT): row["attainment"],
                view.say("ペース", "Pace"): row["pace"],
                view.say("着地見込み", "Projected"): row["projected"],
                view.of(words.STATE): status,
            }
        )
    columns = (
        Column(view.of(words.KPI)),
        Column(view.of(words.TARGET), True),
        Column(view.say("実績", "Actual"), True),
        Column(view.of(words.ATTAINMENT), True),
        Column(view.say("ペース", "Pace"), True),
        Column(view.say("着地見込み", "Projected"), True),
        Column(view.of(words.STATE)),
    )
    caption = view.say(
        f"{whose}・{view.of(view.period.label)}", f"{whose}, {view.of(view.period.label)}"
    )
    blocks: list[Block] = []
    if drawn:
        tips = {
            "tip_target": view.of(words.TARGET),
            "tip_actual": view.say("実績", "Actual"),
            "text": view.of(words.ATTAINMENT),
            "tip_status": view.of(words.STATE),
        }
        blocks.append(
            Chart(
                "attainment",
                view.say(f"達成率:{caption}", f"Attainment: {caption}"),
                view.say(
                    f"{caption}の達成率。数値は下の表にあります。",
                    f"Attainment, {caption}. The table below holds the numbers.",
                ),
                charts.bullets(
                    drawn,
                    tips,
                    view.say("実績 ÷ 目標(100%に線)", "Actual ÷ target (a rule at 100%)"),
                ),
            )
        )
    return [*blocks, Table("attainment", caption, columns, tuple(table), tuple(records))]


def _bottlenecks(
    connection: duckdb.DuckDBPyConnection,
    of: Mapping[str, object],
    view: View,
    whose: str,
) -> list[Block]:
    rows = read_rows(
        connection,
        f"select * from marts.funnel_bottlenecks where {_OF_MONTH} order by sort_order",
        of,
    )
    rows = [row for row in rows if row["actual_value"] is not None]
    if not rows:
        return []
    columns = (
        Column(view.say("段階", "Step")),
        Column(view.say("実績", "Actual"), True),
        Column(view.say("期待", "Expected"), True),
        Column(view.say("失った受注", "Deals lost"), True),
        Column(view.say("失った受注額", "Amount lost"), True),
        Column(view.say("判定", "Verdict")),
    )
    table = []
    for row in rows:
        unit = "count" if row["volume_in"] is None else rate_unit(row["actual_value"])
        worst = row["is_bottleneck"]
        table.append(
            (
                Cell(view.of(text_of(row, "name")), mark=STRONG if worst else ""),
                Cell(
                    figure(row["actual_value"], unit, view.language),
                    mark="small" if row["is_small_sample"] else "",
                ),
                Cell(figure(row["expected_value"], unit, view.language)),
                Cell(figure(row["deals_lost"], "deals", view.language)),
                Cell(figure(row["amount_lost_jpy"], "jpy", view.language)),
                Cell(
                    view.say("■ ボトルネック", "■ Bottleneck") if worst else MISSING,
                    note=view.of(words.SMALL_SAMPLE) if row["is_small_sample"] else "",
                    mark=ALARM if worst else "",
                ),
            )
        )
    caption = view.say(
        f"{whose}・期待(目標、なければ過去実績)に届かない分を受注に換算",
        f"{whose}: what is below expectation (target, else history), as deals",
    )
    heading = view.say("どこで失っているか", "Where it is lost")
    return [Heading(heading), Table("bottlenecks", caption, columns, tuple(table))]


def _tree(
    connection: duckdb.DuckDBPyConnection,
    of: Mapping[str, object],
    view: View,
    choices: Choices,
    whose: str,
) -> list[Block]:
    nodes = read_rows(
        connection,
        f"select * from marts.kgi_kpi_tree where {_OF_MONTH} order by sort_order",
        of,
    )
    month = view.of(view.period.label)
    heading = Heading(
        view.say("目標から逆算した必要量(KPIツリー)", "What the goal requires (KPI tree)")
    )
    if not nodes:
        said = view.say(
            f"{month}・{whose}の経営目標(KGI)はありません。", f"{whose} has no goal in {month}."
        )
        return [heading, Note(said)]
    columns = (
        Column(view.say("段階", "Node")),
        Column(view.say("必要量", "Required"), True),
        Column(view.say("使った率", "Rate used"), True),
        Column(view.say("1人1日", "Per rep and day"), True),
        Column(view.say("上限", "Limit"), True),
        Column(view.say("可否", "Feasible")),
    )
    table = []
    depth = {None: -1}
    for node in nodes:
        depth[node["node"]] = depth.get(node["parent"], -1) + 1
        kpi = choices.kpis.get(node["kpi_id"] or "")
        unit = kpi.unit if kpi else "count"
        limits = [
            f"{name} {figure(node[column], unit, view.language)}"
            for column, name in (
                ("capacity", view.say("能力", "capacity")),
                ("supply", view.say("供給", "supply")),
                ("history_max", view.say("過去最高", "best month")),
            )
            if node[column] is not None
        ]
        if node["is_feasible"] is None:
            verdict = Cell(MISSING)
        elif node["is_feasible"]:
            verdict = Cell(view.say("● 可", "● Yes"), mark=GOOD)
        else:
            why = view.say(node["reason_ja"], node["reason_en"]) if node["reason_ja"] else ""
            verdict = Cell(view.say("■ 否", "■ No"), note=why, mark=ALARM)
        between = (
            interval(node["required_low"], node["required_high"], unit, view.language)
            if node["required_low"] is not None and node["required_low"] != node["required_high"]
            else ""
        )
        indent = "└ " * min(depth[node["node"]], 1)
        table.append(
            (
                Cell(f"{indent}{view.of(text_of(node, 'name'))}"),
                Cell(figure(node["required"], unit, view.language), note=between),
                Cell(
                    figure(node["rate_used"], rate_unit(node["rate_used"]), view.language),
                    note=view.of(words.SMALL_SAMPLE) if node["is_small_sample"] else "",
                ),
                Cell(
                    figure(node["per_rep_day"], "jpy" if unit == "jpy" else "deals", view.language)
                ),
                Cell(" / ".join(limits) or MISSING),
                verdict,
            )
        )
    caption = view.say(f"必要量:{whose}・{month}", f"Required: {whose}, {month}")
    return [
        heading,
        Table("kpi_tree", caption, columns, tuple(table)),
        *_levers(connection, of, view, choices, nodes),
    ]


def _levers(
    connection: duckdb.DuckDBPyConnection,
    of: Mapping[str, object],
    view: View,
    choices: Choices,
    nodes: Sequence[Row],
) -> list[Block]:
    levers = read_rows(
        connection,
        f"""
        select *
        from marts.kgi_levers
        where {_OF_MONTH} and is_possible is distinct from false
        order by node, abs(change_share) nulls last, lever
        """,
        of,
    )
    names = {node["node"]: view.of(text_of(node, "name")) for node in nodes}
    kpis = {node["node"]: choices.kpis.get(node["kpi_id"] or "") for node in nodes}
    columns = (
        Column(view.say("変えるもの", "What to change")),
        Column(view.say("成り立たせる段階", "To make feasible")),
        Column(view.say("いま", "Now"), True),
        Column(view.say("必要", "Needed"), True),
        Column(view.say("変化", "Change"), True),
        Column(view.say("過去に実績", "Seen before")),
    )
    table = []
    for lever in levers:
        if lever["lever_kind"] == "rate":
            unit = rate_unit(lever["current_value"])
        elif lever["lever_kind"] == "goal":
            unit = "jpy"
        else:
            kpi = kpis.get(lever["node"])
            unit = kpi.unit if kpi else "count"
        seen = MISSING
        if lever["is_within_history"] is not None:
            seen = (
                view.say("● あり", "● Yes")
                if lever["is_within_history"]
                else view.say("▲ なし", "▲ No")
            )
        share = lever["change_share"]
        changed = MISSING
        if share is not None:
            changed = difference(share, "rate", view.language).replace("pt", "%")
        table.append(
            (
                Cell(view.of(text_of(lever, "name"))),
                Cell(names.get(lever["node"], lever["node"])),
                Cell(figure(lever["current_value"], unit, view.language)),
                Cell(figure(lever["needed_value"], unit, view.language)),
                Cell(changed),
                Cell(seen),
            )
        )
    if not table:
        return []
    caption = view.say(
        "どれか1つを変えれば成り立つ(レバー)", "Changing any one of them makes it feasible (levers)"
    )
    return [Table("levers", caption, columns, tuple(table))]


def _conflicts(connection: duckdb.DuckDBPyConnection, view: View) -> list[Block]:
    rows = read_rows(
        connection,
        """
        select *
        from marts.target_conflicts
        where month >= $month
        order by month, rule_id, department_id, kpi_id, channel_id, other_kpi_id
        """,
        {"month": view.period.start},
    )
    heading = Heading(view.say("部門間の目標の食い違い", "Targets that do not fit together"))
    if not rows:
        said = view.say("食い違いはありません。", "There are none.")
        return [heading, Note(said)]
    columns = (
        Column(view.say("満たすべき関係", "What should hold")),
        Column(view.say("食い違い", "What does not")),
    )
    table = tuple(
        (Cell(view.of(text_of(row, "rule_name"))), Cell(view.of(text_of(row, "detail"))))
        for row in rows
    )
    caption = view.say("この月以降", "From this month on")
    return [heading, Table("target_conflicts", caption, columns, table)]


def _coming(connection: duckdb.DuckDBPyConnection, view: View) -> list[Block]:
    """Whether the goals of the months to come are feasible."""
    rows = read_rows(
        connection,
        """
        select
            month,
            max(required) filter (where node = 'won_amount') as goal,
            max(required) filter (where node = 'calls_made') as calls,
            bool_and(is_feasible) as is_feasible,
            arg_min(reason_ja, sort_order) filter (where not is_feasible) as reason_ja,
            arg_min(reason_en, sort_order) filter (where not is_feasible) as reason_en
        from marts.kgi_kpi_tree
        where month > $month and channel_id = $channel
        group by month
        order by month
        """,
        {"month": view.period.start, "channel": view.channel},
    )
    if not rows:
        return []
    columns = (
        Column(view.say("月", "Month")),
        Column(view.say("受注額の目標", "Goal"), True),
        Column(view.say("必要な架電数", "Calls required"), True),
        Column(view.say("可否", "Feasible")),
    )
    table = []
    for row in rows:
        if row["is_feasible"] is None:
            verdict = Cell(MISSING)
        elif row["is_feasible"]:
            verdict = Cell(view.say("● 可", "● Yes"), mark=GOOD)
        else:
            why = view.say(row["reason_ja"] or "", row["reason_en"] or "")
            verdict = Cell(view.say("■ 否", "■ No"), note=why, mark=ALARM)
        month = row["month"]
        table.append(
            (
                Cell(view.say(f"{month.year}年{month.month}月", f"{month:%Y-%m}")),
                Cell(figure(row["goal"], "jpy", view.language)),
                Cell(figure(row["calls"], "count", view.language)),
                verdict,
            )
        )
    heading = view.say("これからの月", "The months to come")
    caption = view.say("経営目標は成り立つか", "Whether their goals are feasible")
    return [Heading(heading), Table("coming_months", caption, columns, tuple(table))]


PAGE = Page(
    page_id="goals",
    name=Text("目標とKPIツリー", "Goals and KPI tree"),
    question=Text(
        "目標に届くか。届かせるには何を変えるか。", "Will the goal be met, and what would meet it?"
    ),
    icon=":material/flag:",
    filters=frozenset({PERIOD, CHANNEL}),
    compose=compose,
    grains=(MONTH,),
)
