"""What a build ends with: the funnel, what became of every row, what is wrong, what to do next."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from kpi_warehouse.console import MISSING, table
from kpi_warehouse.published import reading
from kpi_warehouse.publishing.store import CURRENT, DATABASE, PARQUET, Version
from kpi_warehouse.settings import Settings

Number = int | float | Decimal | None


SHOWN_CONFLICTS = 10
"""So many fit on a screen beside the rest."""


@dataclass(frozen=True)
class SummaryColumn:
    """One KPI as the summary shows it: its names, and how its value is written."""

    kpi_id: str
    name_ja: str
    name_en: str
    write: Callable[[Number], str]


@dataclass(frozen=True)
class FunnelRow:
    """One line of the funnel: a channel's names and its values by kpi_id."""

    name_ja: str
    name_en: str
    values: Mapping[str, Number]


@dataclass(frozen=True)
class Funnel:
    """The funnel of one period, both days inclusive, by channel and in total."""

    title: str
    first_day: date
    last_day: date
    channels: Sequence[FunnelRow]
    total: Mapping[str, Number]


@dataclass(frozen=True)
class FindingCount:
    """How often one rule about the data was broken, and how to mend it.

    `codes` are what no mapping knows, with their rows; empty for other rules.
    """

    severity: str
    rule: str
    count: int
    name_ja: str
    name_en: str
    mend: str
    codes: str | None = None


@dataclass(frozen=True)
class ObjectAccount:
    """What became of the rows that were read of one object of the extracts.

    read: records in its files, those that did not land included; refused: files that could not be
    understood at all, whose records nobody knows
    """

    source_system: str
    object: str
    read: int
    used: int
    duplicate: int
    excluded: int
    rejected: int
    refused: int

    @property
    def difference(self) -> int:
        """Rows that were read and are in no account; 0 if it balances."""
        return self.read - self.used - self.duplicate - self.excluded - self.rejected


def write_count(value: Number) -> str:
    """A whole number with thousands separators; a dash if there is none."""
    return MISSING if value is None else f"{value:,.0f}"


def write_rate(value: Number) -> str:
    """A share as a percentage with one decimal; a dash if it has no denominator."""
    return MISSING if value is None else f"{float(value) * 100:.1f} %"


def write_millions(value: Number) -> str:
    """An amount in millions with one decimal; a dash if there is none."""
    return MISSING if value is None else f"{float(value) / 1e6:,.1f}"


COLUMNS = (
    SummaryColumn("leads_acquired", "リード", "Leads", write_count),
    SummaryColumn("calls_made", "架電", "Calls", write_count),
    SummaryColumn("connection_rate", "接続率", "Connected", write_rate),
    SummaryColumn("target_connections", "ターゲット接続", "Targets reached", write_count),
    SummaryColumn("meetings", "商談化", "Meetings", write_count),
    SummaryColumn("meeting_rate", "商談化率", "Meeting rate", write_rate),
    SummaryColumn("qualified_meetings", "有効商談", "Qualified", write_count),
    SummaryColumn("deals_won", "受注", "Won", write_count),
    SummaryColumn("won_amount", "受注額 (百万円)", "Won (JPY m)", write_millions),
)


def funnel_lines(funnel: Funnel) -> list[str]:
    """The funnel as text, a line per channel and one for all; idle channels are only named."""
    header = [
        ["チャネル", "Channel", *(column.name_ja for column in COLUMNS)],
        ["", "", *(column.name_en for column in COLUMNS)],
    ]
    active = [row for row in funnel.channels if any(row.values.values())]
    idle = [row for row in funnel.channels if row not in active]
    rows = [*active, FunnelRow("合計", "Total", funnel.total)]
    body = [
        [
            row.name_ja,
            row.name_en,
            *(column.write(row.values.get(column.kpi_id)) for column in COLUMNS),
        ]
        for row in rows
    ]
    heading = f"{funnel.title} ({funnel.first_day} – {funnel.last_day})"
    lines = [heading, "", *table(header, body, text_columns=2)]
    if idle:
        names = "、".join(row.name_ja for row in idle)
        lines.append(f"動きなし Nothing in {len(idle)} more: {names}")
    return lines


def finding_lines(findings: Sequence[FindingCount]) -> list[str]:
    """What was found wrong with the data, a line per rule, and how to mend what needs it."""
    heading = "データ品質 Data quality"
    if not findings:
        return [f"{heading}: 問題なし nothing found"]
    body = [[each.severity, each.name_ja, each.name_en, f"{each.count:,}"] for each in findings]
    header = [["重大度 Severity", "内容", "What", "件数 Findings"]]
    lines = [heading, "", *table(header, body, text_columns=3)]
    unmapped = [each for each in findings if each.codes]
    if unmapped:
        lines += ["", "未分類コード Codes without a mapping (published as unmapped)"]
        lines += [f"  {each.codes} → {each.mend}" for each in unmapped]
    return lines


def conflict_lines(conflicts: Sequence[tuple[str, str]]) -> list[str]:
    """Where targets do not fit together, in Japanese and English; at most `SHOWN_CONFLICTS`."""
    heading = "目標の矛盾 Targets that do not fit together"
    if not conflicts:
        return [f"{heading}: なし none"]
    lines = [f"{heading}: {len(conflicts):,} (marts.target_conflicts)"]
    for japanese, english in conflicts[:SHOWN_CONFLICTS]:
        lines += [f"  {japanese}", f"    {english}"]
    return lines


def account_lines(accounts: Sequence[ObjectAccount]) -> list[str]:
    """What became of every row that was read, a line per object, and whether it balances."""
    heading = "全行の内訳 Account of every row"
    if not accounts:
        return [f"{heading}: 読込なし nothing read"]
    header = [
        ["システム", "オブジェクト", "読込", "採用", "重複", "除外", "不採用"],
        ["System", "Object", "Read", "Used", "Duplicates", "Excluded", "Rejected"],
    ]
    body = [
        [
            each.source_system,
            each.object,
            *(
                write_count(count)
                for count in (each.read, each.used, each.duplicate, each.excluded, each.rejected)
            ),
        ]
        for each in accounts
    ]
    lines = [heading, "", *table(header, body, text_columns=2)]
    if unbalanced := [each for each in accounts if each.difference]:
        lines += [
            f"不一致 Does not balance: {each.source_system}/{each.object} {each.difference:+,}"
            for each in unbalanced
        ]
    else:
        lines.append("過不足なし It balances to the row")
    if refused := sum(each.refused for each in accounts):
        lines.append(f"読込不可のファイル Files refused: {refused} (marts.data_quality_findings)")
    return lines


def closing_lines(database: Path) -> list[str]:
    """How to open what was read, and what to look at next."""
    code = (
        f"import duckdb; duckdb.connect({str(database)!r}, read_only=True)"
        ".sql('from marts.kpi_by_period').show()"
    )
    # double quotes read better, where the path holds nothing that a shell takes up in them
    is_plain = re.fullmatch(r"[\w./-]+", str(database))
    argument = f'"{code}"' if is_plain else shlex.quote(code)
    return [
        f"開く Open: .venv/bin/python -c {argument}",
        "次に見る Next: marts.kpi_by_channel_period (every KPI, with counts and intervals), "
        "marts.data_quality_findings (every finding, with file and row), "
        "make dashboard, make review, make kpi-sheet",
    ]


class Stopwatch:
    """How long a command and its parts take, in seconds."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.parts: dict[str, float] = {}

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Time a part of the command."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.parts[part] = time.monotonic() - start

    @property
    def total(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._start


def publication_lines(
    version: Version,
    publication: Mapping[str, Any],
    settings: Settings,
    watch: Stopwatch,
    warnings: int = 0,
) -> list[str]:
    """What was tested and published, where, what it changed, and how long all took."""
    current = settings.publish_dir / CURRENT
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in watch.parts.items())
    tested = "warnings: see above" if warnings else "no warning"
    return [
        "",
        f"検査 Tests of the data: all passed, {tested}",
        f"公開 Published: {version.name}, as of {publication['as_of_date']}, "
        f"{len(publication['tables'])} tables",
        f"  DuckDB   {current / DATABASE}",
        f"  Parquet  {current / PARQUET}",
        f"  全体 Whole warehouse: {settings.warehouse_path}",
        restatement_line(publication),
        f"所要時間 Took: {watch.total:.1f} s ({parts})",
    ]


def restatement_line(publication: Mapping[str, Any]) -> str:
    """How many values of past months a publication changed, by their main reason."""
    heading = "過去の値の変更 Past values that changed"
    if publication["previous_version"] is None:
        return f"{heading}: 初回の公開 first publication"
    restated = publication["restated_values"]
    if not restated:
        return f"{heading}: なし none"
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in restated.items())
    return f"{heading}: {sum(restated.values()):,} ({reasons}) → marts.kpi_revisions"


def print_summary(source: Path, as_of_date: date, say: Callable[[str], None]) -> None:
    """Read a version (its folder) or a warehouse (its file) and print its summary.

    Raises UserError if there is none, it is being written, or its marts are not built.
    """
    with reading(source) as connection:
        funnels = read_funnels(connection, as_of_date)
        accounts = read_accounts(connection)
        findings = read_findings(connection)
        conflicts = read_conflicts(connection)
    for funnel in funnels:
        for line in [*funnel_lines(funnel), ""]:
            say(line)
    for line in [
        *account_lines(accounts),
        "",
        *finding_lines(findings),
        "",
        *conflict_lines(conflicts),
        "",
        *closing_lines(_lasting_path(source)),
    ]:
        say(line)


def _lasting_path(source: Path) -> Path:
    """The file to open: by way of `current` if that names the version, as versions go."""
    if not source.is_dir():
        return source
    by_current = source.parent.parent / CURRENT
    is_current = by_current.exists() and by_current.samefile(source)
    return (by_current if is_current else source) / DATABASE


def read_funnels(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> list[Funnel]:
    """The last complete month and the fiscal year up to `as_of_date`, where there are such."""
    periods = connection.execute(
        """
        select period_grain, max(period_start), max(period_end)
        from marts.kpi_by_period
        where
            basis = 'event'
            and period_start <= $as_of_date
            and (
                (period_grain = 'month' and is_complete)
                or period_grain = 'fiscal_year'
            )
        group by period_grain
        order by period_grain desc
        """,
        {"as_of_date": as_of_date},
    ).fetchall()
    return [
        _read_funnel(connection, grain, first_day, min(last_day, as_of_date))
        for grain, first_day, last_day in periods
    ]


def read_accounts(connection: duckdb.DuckDBPyConnection) -> list[ObjectAccount]:
    """The account of each object of which there are files, by system and object."""
    rows = connection.execute(
        """
        with files as (
            select
                source_system,
                source_object as object,
                coalesce(sum(record_count), 0)::bigint as read,
                count(*) filter (where status = 'refused') as refused
            from staging.stg_landing__files
            group by all
        ),

        accounts as (
            select
                source_system,
                object,
                sum(row_count) filter (where outcome = 'used') as used,
                sum(row_count) filter (where outcome = 'duplicate') as duplicate,
                sum(row_count) filter (where outcome = 'excluded') as excluded,
                sum(row_count) filter (where outcome = 'rejected') as rejected
            from marts.row_account
            group by all
        )

        select
            coalesce(files.source_system, accounts.source_system) as source_system,
            coalesce(files.object, accounts.object) as object,
            coalesce(files.read, 0),
            coalesce(accounts.used, 0)::bigint,
            coalesce(accounts.duplicate, 0)::bigint,
            coalesce(accounts.excluded, 0)::bigint,
            coalesce(accounts.rejected, 0)::bigint,
            coalesce(files.refused, 0)
        from files
        full outer join accounts
            on files.source_system = accounts.source_system and files.object = accounts.object
        order by 1, 2
        """
    ).fetchall()
    return [ObjectAccount(*row) for row in rows]


def read_findings(connection: duckdb.DuckDBPyConnection) -> list[FindingCount]:
    """How often each rule was broken: errors before warnings, then the most frequent first."""
    rows = connection.execute(
        """
        select
            findings.severity,
            findings.rule,
            count(*),
            any_value(rules.name_ja),
            any_value(rules.name_en),
            any_value(rules.mend),
            string_agg(findings.detail, ', ' order by findings.detail)
                filter (where findings.rule like 'unmapped%')
        from marts.data_quality_findings as findings
        inner join seeds.data_quality_rules as rules on findings.rule = rules.rule
        group by findings.severity, findings.rule
        order by
            case findings.severity when 'error' then 1 when 'warning' then 2 else 3 end,
            count(*) desc,
            findings.rule
        """
    ).fetchall()
    return [FindingCount(*row) for row in rows]


def read_conflicts(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """The sentences of all conflicts between targets, those of the latest month first."""
    return connection.execute(
        """
        select detail_ja, detail_en
        from marts.target_conflicts
        order by month desc, rule_id, department_id, kpi_id, channel_id, other_kpi_id
        """
    ).fetchall()


def _read_funnel(
    connection: duckdb.DuckDBPyConnection, grain: str, first_day: date, last_day: date
) -> Funnel:
    period = {"grain": grain, "first_day": first_day}
    columns = ", ".join(column.kpi_id for column in COLUMNS)
    channels = connection.execute(
        f"""
        select channels.name_ja, channels.name_en, {columns}
        from marts.funnel_by_channel_period as funnel
        inner join marts.dim_channels as channels on funnel.channel_id = channels.channel_id
        where funnel.period_grain = $grain and funnel.period_start = $first_day
        order by channels.sort_order, channels.channel_id
        """,
        period,
    ).fetchall()
    totals = connection.execute(
        """
        select kpi_id, value
        from marts.kpi_by_period
        where basis = 'event' and period_grain = $grain and period_start = $first_day
        """,
        period,
    ).fetchall()
    kpi_ids = [column.kpi_id for column in COLUMNS]
    return Funnel(
        title=_title(grain, first_day),
        first_day=first_day,
        last_day=last_day,
        channels=[
            FunnelRow(name_ja, name_en, dict(zip(kpi_ids, values, strict=True)))
            for name_ja, name_en, *values in channels
        ],
        total=dict(totals),
    )


def _title(grain: str, first_day: date) -> str:
    if grain == "month":
        month = f"{first_day:%Y-%m}"
        return f"月次ファネル {first_day.year}年{first_day.month}月 · Funnel of {month}"
    return f"年度累計ファネル {first_day.year}年度 · Funnel of fiscal {first_day.year} to date"
