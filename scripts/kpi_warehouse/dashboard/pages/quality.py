"""Whether the numbers can be trusted: freshness, the account of rows, findings, restatements."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from kpi_warehouse.console import MISSING
from kpi_warehouse.dashboard import words
from kpi_warehouse.dashboard.blocks import (
    ALARM,
    LATE,
    Block,
    Cell,
    Column,
    Fact,
    Facts,
    Heading,
    Note,
    Table,
)
from kpi_warehouse.dashboard.pages.page import Page
from kpi_warehouse.dashboard.view import ALL, BASES, LONG_GRAINS, Choices, View
from kpi_warehouse.published import Text, read_rows, text_of
from kpi_warehouse.review.numbers import difference, figure
from kpi_warehouse.summary import read_accounts, read_findings

_SEVERITIES = {
    "error": Text("■ エラー", "■ Error"),
    "warning": Text("▲ 警告", "▲ Warning"),
    "info": Text("– 参考", "– Note"),
}
# the newest are named; the mart holds them all
_SHOWN_REVISIONS = 100


def compose(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Sequence[Block]:
    """Freshness, what became of the rows, what was found, which past values changed."""
    accounts = read_accounts(connection)
    findings = read_findings(connection)
    read, rejected = sum(each.read for each in accounts), sum(each.rejected for each in accounts)
    errors = sum(each.count for each in findings if each.severity == "error")
    warnings = sum(each.count for each in findings if each.severity == "warning")
    unexplained = sum(abs(each.difference) for each in accounts)
    facts = (
        Fact(view.say("データの基準日", "As of"), choices.as_of.isoformat()),
        Fact(view.say("読み込んだ行", "Rows read"), f"{read:,}"),
        Fact(
            view.say("行き先の分からない行", "Rows unaccounted for"),
            f"{unexplained:,}",
            mark=ALARM if unexplained else "good",
        ),
        Fact(
            view.say("不採用の行", "Rows rejected"),
            f"{rejected:,}",
            notes=(figure(rejected / read if read else None, "rate", view.language),),
            mark=LATE if rejected else "",
        ),
        Fact(view.say("エラー", "Errors"), f"{errors:,}", mark=ALARM if errors else ""),
        Fact(view.say("警告", "Warnings"), f"{warnings:,}", mark=LATE if warnings else ""),
    )
    return [
        Facts(view.say("データの状態", "State of the data"), facts),
        Heading(view.say("鮮度", "Freshness")),
        _freshness(connection, view, choices),
        Heading(view.say("全行の内訳", "Account of every row")),
        _accounts(accounts, view),
        Heading(view.say("見つかった問題", "Findings")),
        _findings(findings, view),
        Heading(view.say("過去の値の変更", "Past values that changed")),
        *_revisions(connection, view, choices),
    ]


def _freshness(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> Table:
    rows = read_rows(
        connection,
        """
        select source_system, activity_type, max(activity_date) as newest, count(*) as activities
        from marts.fct_activities
        group by all
        order by all
        """,
    )
    columns = (
        Column(view.say("システム", "System")),
        Column(view.say("活動", "Activity")),
        Column(view.say("最新の日付", "Newest day"), True),
        Column(view.say("基準日までの日数", "Days before the as-of date"), True),
        Column(view.say("件数", "Activities"), True),
    )
    table = tuple(
        (
            Cell(row["source_system"]),
            Cell(row["activity_type"]),
            Cell(row["newest"].isoformat()),
            Cell(str((choices.as_of - row["newest"]).days)),
            Cell(f"{row['activities']:,}"),
        )
        for row in rows
    )
    caption = view.say("システムごとの最新の活動", "Newest activity by system")
    return Table("freshness", caption, columns, table)


def _accounts(accounts: Sequence, view: View) -> Table:
    columns = (
        Column(view.say("システム", "System")),
        Column(view.say("オブジェクト", "Object")),
        Column(view.say("読込", "Read"), True),
        Column(view.say("採用", "Used"), True),
        Column(view.say("重複", "Duplicates"), True),
        Column(view.say("除外", "Excluded"), True),
        Column(view.say("不採用", "Rejected"), True),
        Column(view.say("差", "Difference"), True),
    )
    counts = [
        (
            each.source_system,
            each.object,
            each.read,
            each.used,
            each.duplicate,
            each.excluded,
            each.rejected,
            each.difference,
        )
        for each in accounts
    ]
    table = tuple(
        (Cell(system), Cell(name), *(Cell(f"{count:,}") for count in rest))
        for system, name, *rest in counts
    )
    records = tuple(
        {column.label: value for column, value in zip(columns, row, strict=True)} for row in counts
    )
    caption = view.say(
        "読込 = 採用 + 重複 + 除外 + 不採用", "Read = used + duplicates + excluded + rejected"
    )
    return Table("row_account", caption, columns, table, records)


def _findings(findings: Sequence, view: View) -> Block:
    if not findings:
        return Note(view.say("問題は見つかっていません。", "Nothing was found."))
    columns = (
        Column(view.say("重大度", "Severity")),
        Column(view.say("内容", "What")),
        Column(view.say("件数", "Findings"), True),
        Column(view.say("コード", "Codes")),
        Column(view.say("直し方(英語)", "How to mend it")),
    )
    marks = {"error": ALARM, "warning": LATE}
    rows = []
    for each in findings:
        severity = view.of(_SEVERITIES.get(each.severity, Text(each.severity, each.severity)))
        rows.append(
            (
                Cell(severity, mark=marks.get(each.severity, "")),
                Cell(view.say(each.name_ja, each.name_en), note=each.rule),
                Cell(f"{each.count:,}"),
                Cell(each.codes or MISSING),
                Cell(each.mend),
            )
        )
    records = tuple(
        {
            view.say("重大度", "Severity"): each.severity,
            view.say("ルール", "Rule"): each.rule,
            view.say("内容", "What"): view.say(each.name_ja, each.name_en),
            view.say("件数", "Findings"): each.count,
            view.say("コード", "Codes"): each.codes or "",
            view.say("直し方(英語)", "How to mend it"): each.mend,
        }
        for each in findings
    )
    caption = view.say("ルール別の件数(重い順)", "By rule, the gravest first")
    return Table("findings", caption, columns, tuple(rows), records)


def _revisions(connection: duckdb.DuckDBPyConnection, view: View, choices: Choices) -> list[Block]:
    rows = read_rows(
        connection,
        """
        select *, count(*) over () as revisions
        from marts.kpi_revisions
        order by published_at desc, abs(difference) desc nulls last, kpi_id, channel_id, month
        limit $shown
        """,
        {"shown": _SHOWN_REVISIONS},
    )
    if not rows:
        return [
            Note(
                view.say(
                    "公開済みの過去の値は変わっていません。",
                    "No value of a past month has changed.",
                )
            )
        ]
    columns = (
        Column(view.of(words.KPI)),
        Column(view.say("月", "Month")),
        Column(view.of(words.CHANNEL)),
        Column(view.say("前回", "Before"), True),
        Column(view.say("今回", "Now"), True),
        Column(view.say("差", "Difference"), True),
        Column(view.say("理由", "Reason")),
        Column(view.say("公開", "Published")),
    )
    table, records = [], []
    for row in rows:
        kpi = choices.kpis.get(row["kpi_id"])
        unit = kpi.unit if kpi else "ratio"
        name = view.of(kpi.name) if kpi else row["kpi_id"]
        channel = choices.channels.get(row["channel_id"])
        where = (
            view.of(words.ALL_CHANNELS)
            if row["channel_id"] == ALL
            else view.of(channel)
            if channel
            else row["channel_id"]
        )
        changed = MISSING
        if row["difference"] is not None:
            changed = difference(row["difference"], unit, view.language)
        why = view.of(text_of(row, "reason_name"))
        table.append(
            (
                Cell(name, note=view.of(BASES[row["basis"]])),
                Cell(f"{row['month']:%Y-%m}"),
                Cell(where),
                Cell(figure(row["old_value"], unit, view.language)),
                Cell(figure(row["new_value"], unit, view.language)),
                Cell(changed),
                Cell(why),
                Cell(f"{row['published_at']:%Y-%m-%d}"),
            )
        )
        records.append(
            {
                "kpi_id": row["kpi_id"],
                view.of(words.BASIS): view.of(BASES[row["basis"]]),
                view.say("月", "Month"): row["month"],
                view.of(words.CHANNEL): where,
                view.say("前回", "Before"): row["old_value"],
                view.say("今回", "Now"): row["new_value"],
                view.say("差", "Difference"): row["difference"],
                view.say("理由", "Reason"): why,
            }
        )
    revisions = rows[0]["revisions"]
    caption = view.say(
        f"新しい順に {len(rows):,} 件(全 {revisions:,} 件)",
        f"The newest {len(rows):,} of {revisions:,}",
    )
    return [Table("revisions", caption, columns, tuple(table), tuple(records))]


PAGE = Page(
    page_id="quality",
    name=Text("データ品質", "Data quality"),
    question=Text(
        "この数字は信頼できるか。いつのものか。",
        "Can these numbers be trusted, and of when are they?",
    ),
    icon=":material/verified:",
    filters=frozenset(),
    compose=compose,
    grains=LONG_GRAINS,
)
