"""The KPI sheet says what the registry and the warehouse hold, once, and as what it is."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import duckdb
import openpyxl
import pytest
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from kpi_warehouse.errors import UserError
from kpi_warehouse.kpi_sheet import PAGE, WORKBOOK, wording, write_kpi_sheet
from kpi_warehouse.kpi_sheet.content import Kpi, Sheet, read_sheet
from kpi_warehouse.kpi_sheet.page import render_page
from kpi_warehouse.kpi_sheet.workbook import HEADER_ROW, render_workbook

AS_OF = date(2026, 10, 15)
VOID = {"br", "meta", "link", "img", "input", "hr"}
COMMAND = Path(__file__).resolve().parents[2] / "scripts" / "kpi_sheet.py"
# calls_made: a version that ended, one in force, a draft that a department has yet to sign.
# nasty: texts that a spreadsheet or a browser would take for something else.
TABLES = """
create schema seeds; create schema marts;
create table seeds.kpi_departments as select * from (values
    ('inside_sales', 'インサイドセールス', 'Inside sales', 'IS責任者', 'Head of IS', 2),
    ('marketing', 'マーケティング', 'Marketing', 'MK責任者', 'Head of MK', 1)
) as rows (department_id, name_ja, name_en, role_ja, role_en, sort_order);
create table seeds.measures as select * from (values
    ('calls_made', 'int_activities', '架電数', 'Calls made', 'count', '発信', 'Outbound dials',
        null, 'calls.call_id calls.started_at leads.lead_id'),
    ('calls_connected', 'int_activities', '接続数', 'Calls connected', 'count', '人が応答した発信',
        'Dials that a person answered', 'open_window_days meeting_counts_at', 'calls.answered_at'),
    ('working_hours', 'stg_planning__attendance', '稼働時間', 'Working hours', 'hours',
        '勤怠の時間', 'Hours of attendance', null, 'attendance.working_hours'),
    ('leads_handed_over', 'int_lead_milestones', '引き渡し数', 'Leads handed over', 'count',
        '引き渡し', 'Leads handed over', null, 'leads.handed_over_at'),
    ('amount_won', 'int_opportunities', '受注額', 'Amount won', 'jpy', '受注の金額',
        'JPY of deals won', null, 'opportunities.amount')
) as rows (
    measure_id, source_model, name_ja, name_en, unit, counts_ja, counts_en, policy_ids,
    source_fields
);
create table seeds.distributions as select * from (values
    ('deal_amount', '受注単価', 'Deal amount', null, 'jpy', '受注の金額', 'JPY of a deal',
        'open_window_days', 'opportunities.amount'),
    ('speed', '待ち時間', 'Speed', 'business', 'minutes', '待った分数', 'Minutes waited', null,
        'leads.created_at')
) as rows (
    distribution_id, name_ja, name_en, clock, unit, counts_ja, counts_en, policy_ids,
    source_fields
);
create table seeds.kpi_policies as select * from (values
    ('open_window_days', '7', date '2000-01-01', date '2026-09-30', '1-90', '開封日数',
        'Open window', '7日', '7 days', '旧', 'old'),
    ('open_window_days', '14', date '2026-10-01', null, '1-90', '開封日数', 'Open window', '14日',
        '14 days', '長く待つ', 'Wait longer'),
    ('meeting_counts_at', 'proposal_stage', date '2000-01-01', null, 'a|b', '計上', 'Counts',
        '提案時', 'At the proposal', '合意', 'Agreed'),
    -- words that another number was written for
    ('small_sample_below', '30', date '2000-01-01', null, '1-99', '小標本', 'Small sample', '130件',
        '130 cases', '', '')
) as rows (
    policy_id, policy_value, effective_from, effective_to, allowed_values,
    name_ja, name_en, value_ja, value_en, reason_ja, reason_en
);
create table marts.dim_kpis as select
    *,
    'approach' as phase, 'quantity' as quantity_or_quality, 'higher' as polarity,
    denominator_measure_id as sample_measure_id, true as has_event_basis, true as has_team,
    has_channel as has_rep, 'R1' as rules, 'inside_sales' as owner_department,
    'marketing|inside_sales' as required_signoffs, '理由' as change_reason_ja,
    'because' as change_reason_en,
    if(kpi_id = 'nasty', change_en, '変更' || version) as change_ja, 90 as maturity_days,
    case kpi_id when 'median_deal' then 'deal_amount' when 'speed_p90' then 'speed' end
        as distribution_id,
    case kpi_id when 'median_deal' then 'median' when 'speed_p90' then 'p90' end as statistic
from (values
    ('calls_made', 1, '架電数', 'Calls made', 'retired', true, false, date '2000-01-01',
        date '2026-09-30', 'calls_made', null, 'count', true, true, true, '旧', 'Old', 'first', 1),
    ('calls_made', 2, '架電数', 'Calls made', 'agreed', true, true, date '2026-10-01', null,
        'calls_made', null, 'count', true, true, true, '新', 'New', 'second', 1),
    ('calls_made', 3, '架電数', 'Calls made', 'draft', false, false, date '2027-01-01', null,
        'calls_connected', null, 'count', true, true, true, '案', 'Draft', 'third', 1),
    ('connection_rate', 1, '接続率', 'Connection rate', 'agreed', true, true, date '2000-01-01',
        null, 'calls_connected', 'calls_made', 'rate', true, true, true, '率', 'Rate', 'first', 2),
    ('calls_per_hour', 1, '1時間あたりの架電数', 'Calls per hour', 'agreed', true, true,
        date '2000-01-01', null, 'calls_made', 'working_hours', 'ratio', false, false, true,
        '時', 'Per hour', 'first', 3),
    ('won_amount', 1, '受注額', 'Won amount', 'agreed', true, true, date '2000-01-01', null,
        'amount_won', null, 'jpy', true, true, true, '額', 'Amount', 'first', 4),
    ('win_rate', 1, '受注率', 'Win rate', 'agreed', true, true, date '2000-01-01', null,
        'leads_handed_over', 'leads_handed_over', 'rate', true, true, true, '受', 'Won', 'first',
        5),
    ('idle', 1, '対象外', 'Idle', 'agreed', true, true, date '2000-01-01', null, 'calls_made',
        null, 'count', true, true, false, '無', 'Idle', 'first', 6),
    ('nasty', 1, '=1+1', '<b>bold</b>', 'draft', false, false, date '2027-01-01', null,
        'calls_made', null, 'count', true, true, true, '+2' || chr(7), '@x & "y"',
        '-3<script>alert(1)</script>', 7),
    ('median_deal', 1, '受注単価(中央値)', 'Median deal', 'agreed', true, true, date '2000-01-01',
        null, null, null, 'jpy', true, true, true, '中', 'Median', 'first', 8),
    ('speed_p90', 1, '待ち時間(90%)', 'Speed, 90th', 'agreed', true, true, date '2000-01-01',
        null, null, null, 'minutes', true, true, false, '待', 'Wait', 'first', 9)
) as rows (
    kpi_id, version, name_ja, name_en, status, is_published, is_current, effective_from,
    effective_to, numerator_measure_id, denominator_measure_id, unit, has_channel,
    has_cohort_basis, is_targetable, definition_ja, definition_en, change_en, sort_order
);
create table seeds.kpi_signoffs as
select kpi_id, version, department_id, date '2026-03-16' as signed_on
from marts.dim_kpis
cross join seeds.kpi_departments
where is_published or (kpi_id = 'calls_made' and department_id = 'marketing');
create table marts.kpi_by_period as
select
    *,
    'month' as period_grain, 'event' as basis, date '2026-09-01' as period_start,
    date '2026-09-30' as period_end, true as is_complete
from (values
    ('calls_made', 1234::decimal(18, 2), null::decimal(18, 2), 1234.0, null, null, false, 1, true),
    ('connection_rate', 9, 20, 0.45, 0.258, 0.658, true, 1, false),
    ('calls_per_hour', 1234, 160.5, 7.688, null, null, false, 1, false),
    ('won_amount', 12345678, null, 12345678, null, null, false, 1, false),
    ('win_rate', 0, 0, null, null, null, true, 1, false),
    ('idle', 5, null, 5, null, null, false, 1, false),
    ('median_deal', null, 7, 1500000.5, null, null, true, 1, false),
    ('speed_p90', null, 40, 1234.56, null, null, false, 1, false)
) as rows (
    kpi_id, numerator, denominator, value, ci_low, ci_high, is_small_sample,
    definition_version, is_mixed_version
);
insert into marts.kpi_by_period by name (
    select
        * replace (
            date '2026-10-01' as period_start, date '2026-10-31' as period_end,
            false as is_complete, 9999 as value
        )
    from marts.kpi_by_period
    union all by name
    select * replace ('cohort' as basis, 8888 as value) from marts.kpi_by_period
    union all by name
    select
        * replace (
            date '2026-08-01' as period_start, date '2026-08-31' as period_end, 7777 as value
        )
    from marts.kpi_by_period
);
create table marts.fct_targets as
select *, date '2026-09-01' as month, 1 as version, true as is_in_force
from (values
    ('inside_sales', 'calls_made', 'all', 2468),
    ('inside_sales', 'calls_made', 'exhibition', 7),
    ('marketing', 'calls_made', 'all', 1000),
    ('marketing', 'won_amount', 'exhibition', 10000000),
    ('marketing', 'won_amount', 'web_inquiry', 4000000),
    ('inside_sales', 'connection_rate', 'exhibition', 0.5),
    ('inside_sales', 'connection_rate', 'web_inquiry', 0.7),
    ('field_sales', 'win_rate', 'all', 0.25),
    ('inside_sales', 'idle', 'all', 3),
    ('marketing', 'median_deal', 'exhibition', 1000000),
    ('marketing', 'median_deal', 'web_inquiry', 3000000)
) as rows (department_id, kpi_id, channel_id, target_value);
insert into marts.fct_targets
select * replace (date '2026-10-01' as month, 1 as target_value)
from marts.fct_targets
union all
select * replace (false as is_in_force, 2 as target_value, 2 as version)
from marts.fct_targets;
"""


class Element:
    """What a page holds: a tag with its attributes and everything in it."""

    def __init__(self, tag: str, attributes: dict[str, str | None]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element | str] = []

    def all(self, tag: str) -> Iterator[Element]:
        """The elements of a kind below."""
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag:
                    yield child
                yield from child.all(tag)

    @property
    def text(self) -> str:
        """The text in it, blanks as one."""
        parts = (each.text if isinstance(each, Element) else each for each in self.children)
        return " ".join("".join(parts).split())


class Page(HTMLParser):
    """A page as a tree; a tag that is not closed, or closed twice, is an error."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(content)
        self.close()
        assert self.open == [self.root]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag

    def handle_data(self, data):
        self.open[-1].children.append(data)

    def section(self, name: str) -> Element:
        """What stands under a heading."""
        (found,) = [
            each
            for each in self.root.all("section")
            if each.attributes.get("aria-labelledby") == name
        ]
        return found

    def article(self, kpi_id: str) -> dict[str, str]:
        """A KPI's definition: contents by the Japanese label."""
        (found,) = [
            each
            for each in self.root.all("article")
            if each.attributes.get("id") == f"kpi-{kpi_id}"
        ]
        lines = {}
        for row in found.all("tr"):
            (label,) = row.all("th")
            lines[label.text.split()[0]] = " | ".join(each.text for each in row.all("td"))
        return lines


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kpi_sheet") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLES)
    return path


@pytest.fixture(scope="module")
def sheet(warehouse: Path) -> Sheet:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return read_sheet(connection, AS_OF)


@pytest.fixture(scope="module")
def workbook(sheet: Sheet) -> openpyxl.Workbook:
    return openpyxl.load_workbook(BytesIO(render_workbook(sheet)))


@pytest.fixture(scope="module")
def page(sheet: Sheet) -> Page:
    return Page(render_page(sheet))


def kpi_of(sheet: Sheet, kpi_id: str) -> Kpi:
    (found,) = [kpi for kpi in sheet.kpis if kpi.version.kpi_id == kpi_id]
    return found


def cell(worksheet: Worksheet, key: str, label: str) -> Cell:
    """The cell of the first row of an id, in the column of a Japanese label."""
    columns = {
        each.value.split("\n")[0].split(" 2")[0]: each.column for each in worksheet[HEADER_ROW]
    }
    rows = [
        row
        for row in range(HEADER_ROW + 1, worksheet.max_row + 1)
        if worksheet.cell(row, columns["ID"]).value == key
    ]
    assert rows
    return worksheet.cell(rows[0], columns[label])


def test_the_version_in_force_stands_for_its_kpi_and_the_others_stay_visible(sheet):
    calls = kpi_of(sheet, "calls_made")
    assert calls.version.version == 2
    assert [each.version for each in calls.other_versions] == [1, 3]
    assert not kpi_of(sheet, "nasty").version.is_published
    assert [(each.kpi_id, each.version) for each in sheet.versions][:3] == [
        ("calls_made", 1),
        ("calls_made", 2),
        ("calls_made", 3),
    ]


def test_the_value_is_that_of_the_last_complete_month_on_the_event_basis(sheet):
    assert sheet.month.first_day == date(2026, 9, 1)
    assert kpi_of(sheet, "calls_made").result.value == 1234
    assert kpi_of(sheet, "win_rate").result.value is None
    assert kpi_of(sheet, "nasty").result is None


@pytest.mark.parametrize(
    ("kpi_id", "expected"),
    [
        ("calls_made", [("Inside sales", 2468, 0), ("Marketing", 1000, 0)]),
        ("won_amount", [("Marketing", 14_000_000, 2)]),
        ("connection_rate", [("Inside sales", None, 2)]),
        ("win_rate", [("field_sales", 0.25, 0)]),
        ("calls_per_hour", []),
        ("idle", []),
        # the middle of all deals is no sum of those of the channels
        ("median_deal", [("Marketing", None, 2)]),
    ],
)
def test_a_target_is_the_departments_total_and_only_amounts_are_summed(sheet, kpi_id, expected):
    targets = kpi_of(sheet, kpi_id).targets
    assert [(each.department.en, each.value, each.channels) for each in targets] == [
        (name, None if value is None else pytest.approx(value), channels)
        for name, value, channels in expected
    ]


def test_policies_are_those_in_force_and_of_the_kpis_measures(sheet):
    assert [each.code for each in kpi_of(sheet, "connection_rate").policies] == [
        "proposal_stage",
        "14",
    ]
    assert kpi_of(sheet, "calls_made").policies == ()
    assert len(sheet.policies) == 4


def test_a_sheet_of_another_day_is_refused(warehouse):
    with (
        duckdb.connect(str(warehouse), read_only=True) as connection,
        pytest.raises(UserError, match="built as of another day"),
    ):
        read_sheet(connection, date(2026, 11, 1))


def test_the_list_holds_every_kpi_once(sheet, workbook):
    worksheet = workbook["KPI一覧 KPIs"]
    ids = [row[3].value for row in worksheet.iter_rows(HEADER_ROW + 1) if row[3].value]
    assert ids == [
        *("calls_made", "connection_rate", "calls_per_hour", "won_amount", "win_rate"),
        *("idle", "nasty", "median_deal", "speed_p90"),
    ]
    assert ids == [kpi.version.kpi_id for kpi in sheet.kpis]


@pytest.mark.parametrize(
    ("kpi_id", "label", "value", "number_format"),
    [
        ("calls_made", "実績", 1234, "#,##0"),
        ("calls_made", "目標", 2468, "#,##0"),
        ("calls_made", "達成率", 0.5, "0.0%"),
        ("connection_rate", "実績", 0.45, "0.0%"),
        ("connection_rate", "分母", 20, "#,##0"),
        ("connection_rate", "95%下限", 0.258, "0.0%"),
        ("calls_per_hour", "実績", 7.688, "#,##0.00"),
        ("calls_per_hour", "分母", 160.5, "#,##0.0"),
        ("won_amount", "実績", 12_345_678, '"¥"#,##0'),
        ("won_amount", "目標", 14_000_000, '"¥"#,##0'),
        ("won_amount", "達成率", 12_345_678 / 14_000_000, "0.0%"),
        ("win_rate", "分子", 0, "#,##0"),
        ("median_deal", "実績", 1_500_000.5, '"¥"#,##0'),
        ("median_deal", "分母", 7, "#,##0"),
        ("speed_p90", "実績", 1234.56, "#,##0.0"),
    ],
)
def test_numbers_are_numbers_with_their_format(workbook, kpi_id, label, value, number_format):
    found = cell(workbook["KPI一覧 KPIs"], kpi_id, label)
    assert found.data_type == "n"
    assert found.value == pytest.approx(value)
    assert found.number_format == number_format


@pytest.mark.parametrize(
    ("kpi_id", "label", "text"),
    [
        ("calls_made", "分母", "–"),
        ("calls_made", "計算式", "件数:架電数\nCount: Calls made"),
        ("calls_made", "注記", "月内に版が変わった\nthe version changed within the month"),
        ("connection_rate", "計算式", "接続数 ÷ 架電数\nCalls connected ÷ Calls made"),
        ("connection_rate", "目標", "チャネル別のみ\nby channel only"),
        ("connection_rate", "注記", "小標本(30件未満)\nsmall sample (fewer than 30 cases)"),
        ("calls_per_hour", "単位", "件/時間\ncases per hour"),
        ("calls_per_hour", "目標", "目標なし\nno target"),
        (
            *("won_amount", "目標の部門"),
            "マーケティング(2チャネルの合計)\nMarketing (sum of 2 channels)",
        ),
        ("win_rate", "実績", "–"),
        ("win_rate", "達成率", "–"),
        ("idle", "目標", "目標対象外\nnot targetable"),
        ("median_deal", "計算式", "中央値:受注単価\nMedian: Deal amount"),
        ("median_deal", "分子", "–"),
        ("median_deal", "目標", "チャネル別のみ\nby channel only"),
        ("speed_p90", "単位", "分\nminutes"),
        ("nasty", "実績", "–"),
        ("nasty", "署名", "0 / 2"),
        ("nasty", "注記", "草案\nDraft"),
    ],
)
def test_what_is_not_a_number_is_said_in_words(workbook, kpi_id, label, text):
    found = cell(workbook["KPI一覧 KPIs"], kpi_id, label)
    assert (found.data_type, found.value) == ("s", text)


def test_a_value_that_another_version_counted_says_so(warehouse, tmp_path):
    path = tmp_path / "copy.duckdb"
    path.write_bytes(warehouse.read_bytes())
    with duckdb.connect(str(path)) as connection:
        connection.execute("alter table marts.kpi_by_period drop is_mixed_version")
        text = Page(render_page(read_sheet(connection, AS_OF))).root.text
    assert "第1版で計数 counted by version 1" in text


def test_no_text_is_a_formula_or_markup(workbook, page):
    cells = [each for sheet in workbook for row in sheet.iter_rows() for each in row]
    assert {"=1+1", "+2", "-3<script>alert(1)</script>"} <= {each.value for each in cells}
    assert "f" not in {each.data_type for each in cells}
    risky = [each for each in cells if str(each.value).startswith(("=", "+", "@"))]
    assert risky
    assert all(each.data_type == "s" and each.quotePrefix for each in risky)
    assert not [*page.root.all("b"), *page.root.all("script")]
    assert page.article("nasty")["定義"] == '+2 | @x & "y"'


def test_versions_show_who_has_not_signed(workbook, page):
    worksheet = workbook["改訂履歴 Versions"]
    rows = [[each.value for each in row] for row in worksheet.iter_rows(HEADER_ROW + 1)]
    assert [(row[0], row[2], row[4].split("\n")[0]) for row in rows[:3]] == [
        ("calls_made", 1, "適用終了"),
        ("calls_made", 2, "適用中"),
        ("calls_made", 3, "草案"),
    ]
    assert len(rows) == 11
    signed_on, missing = rows[2][-2:]
    assert (signed_on.date(), missing) == (date(2026, 3, 16), "未署名\nmissing")
    assert rows[0][6].date() == date(2026, 9, 30)
    assert page.section("versions").text.count("未署名 missing") == 3


def test_policies_and_measures_are_shown_over_time_and_with_their_use(workbook):
    policies = workbook["方針 Policies"]
    rows = [[each.value for each in row[:5]] for row in policies.iter_rows(HEADER_ROW + 1)]
    assert [(row[0], row[2], row[3], row[4].split("\n")[0]) for row in rows] == [
        ("meeting_counts_at", "提案時\nAt the proposal", "proposal_stage", "適用中"),
        ("open_window_days", "7日\n7 days", 7, "適用終了"),
        ("open_window_days", "14日\n14 days", 14, "適用中"),
        ("small_sample_below", "130件\n130 cases", 30, "適用中"),
    ]
    measures = workbook["測定値 Measures"]
    assert cell(measures, "calls_connected", "使うKPI").value == "接続率\nConnection rate"
    assert cell(measures, "calls_connected", "方針").value == "開封日数、計上\nOpen window, Counts"
    assert cell(measures, "calls_made", "方針").value == "–"
    assert cell(measures, "calls_made", "参照項目").value == (
        "calls (call_id, started_at); leads (lead_id)"
    )


def test_the_registrys_words_are_in_japanese_first_with_english_beside(workbook, page):
    worksheet = workbook["改訂履歴 Versions"]
    assert cell(worksheet, "calls_made", "変更内容").value == "変更1\nfirst"
    assert cell(worksheet, "calls_made", "変更理由").value == "理由\nbecause"
    counts = cell(workbook["測定値 Measures"], "calls_connected", "数えるもの")
    assert counts.value == "人が応答した発信\nDials that a person answered"
    reason = cell(workbook["方針 Policies"], "meeting_counts_at", "理由")
    assert reason.value == "合意\nAgreed"
    assert "変更3 third 理由 because" in page.section("versions").text
    assert "提案時 At the proposal proposal_stage" in page.section("policies").text
    assert "合意 Agreed" in page.section("policies").text
    assert "人が応答した発信 Dials that a person answered" in page.section("measures").text
    assert "開封日数 Open window open_window_days" in page.section("measures").text


def test_a_policys_code_stands_beside_its_words_unless_they_are_that_number(sheet):
    assert {each.code: wording.policy_value(each).ja for each in sheet.policies} == {
        "proposal_stage": "提案時(proposal_stage)",
        "7": "7日",
        "14": "14日",
        "30": "130件(30)",
    }


def test_a_definition_is_told_in_full_and_the_same_in_both_formats(workbook, page):
    rate = page.article("connection_rate")
    assert rate["計算式"] == "接続数 ÷ 架電数 | Calls connected ÷ Calls made"
    assert rate["分母"] == "架電数(calls_made):発信 | Calls made (calls_made): Outbound dials"
    assert rate["変更と理由"] == "変更1 — 理由 | first — because"
    assert rate["期間基準"].startswith("発生日基準・リード獲得日基準")
    assert rate["責任者"].startswith("インサイドセールス(IS責任者) | Inside sales (Head of IS)")
    assert rate["適用中の方針"] == (
        "計上:提案時(proposal_stage)、2000-01-01 から 開封日数:14日、2026-10-01 から | Counts: "
        "At the proposal (proposal_stage), from 2000-01-01 Open window: 14 days, from 2026-10-01"
    )
    assert rate["参照項目(分子)"] == "calls (answered_at)"
    assert "引き渡し日基準" in page.article("win_rate")["期間基準"]
    assert page.article("calls_per_hour")["確定時期"] == "– | –"
    median = page.article("median_deal")
    assert median["観測値"] == (
        "受注単価(deal_amount):受注の金額 | Deal amount (deal_amount): JPY of a deal"
    )
    assert median["集計"].startswith("合計・平均しない")
    assert median["適用中の方針"].startswith("開封日数:14日")
    assert median["参照項目"] == "opportunities (amount)"
    assert "営業時間" in page.article("speed_p90")["観測値"]
    assert page.article("calls_made")["他の版"].startswith("第1版(廃止・適用終了)、2000-01-01")
    rows = [
        [each.value for each in row]
        for row in workbook["定義 Definitions"].iter_rows(HEADER_ROW + 1)
    ]
    told = {
        row[1].split()[0]: row[2] if row[3] is None else f"{row[2]} | {row[3]}"
        for row in rows
        if row[0] == "connection_rate"
    }
    common = [label for label in rate if label != "署名"]
    assert len(common) > 12
    assert {label: " ".join(told[label].split()) for label in common} == {
        label: rate[label] for label in common
    }


def test_the_page_stands_alone_and_is_marked_up_for_readers(sheet, page):
    tags = {each.tag: each for each in page.root.all("html")}
    assert tags["html"].attributes["lang"] == "ja"
    links = [each.attributes["href"] for each in page.root.all("a")]
    ids = [
        each.attributes["id"]
        for tag in ("h1", "h2", "h3", "h4", "article")
        for each in page.root.all(tag)
        if "id" in each.attributes
    ]
    assert len(ids) == len(set(ids))
    assert {f"#kpi-{kpi.version.kpi_id}" for kpi in sheet.kpis} <= set(links)
    assert all(link.removeprefix("#") in ids for link in links)
    assert not [each for tag in ("link", "script", "img", "iframe") for each in page.root.all(tag)]
    (style,) = page.root.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    headers = list(page.root.all("th"))
    assert headers
    assert all(each.attributes.get("scope") in ("col", "row", "rowgroup") for each in headers)
    english = [each for each in page.root.all("span") if each.attributes.get("class") == "en"]
    assert english
    assert all(each.attributes.get("lang") == "en" for each in english)


def test_every_sheet_is_set_up_for_screen_and_paper(workbook):
    assert workbook.sheetnames == [
        *("KPI一覧 KPIs", "定義 Definitions", "改訂履歴 Versions", "方針 Policies"),
        "測定値 Measures",
    ]
    for worksheet in workbook:
        assert worksheet.freeze_panes.endswith(str(HEADER_ROW + 1))
        assert worksheet.print_title_rows == f"${HEADER_ROW}:${HEADER_ROW}"
        assert worksheet.auto_filter.ref.startswith(f"A{HEADER_ROW}:")
        assert worksheet.page_setup.orientation == "landscape"
        assert worksheet.sheet_properties.pageSetUpPr.fitToPage
        assert (worksheet.page_setup.fitToWidth, worksheet.page_setup.fitToHeight) == (1, 0)
    assert workbook.properties.creator == "Inside-sales KPI warehouse"
    assert workbook.properties.lastModifiedBy is None
    assert workbook.properties.modified.date() == AS_OF


def test_the_same_warehouse_gives_the_same_bytes(warehouse, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    written = [write_kpi_sheet(warehouse, AS_OF, folder) for folder in folders]
    assert [path.name for path in written[0]] == [WORKBOOK, PAGE]
    for name in (WORKBOOK, PAGE):
        one, two = ((folder / name).read_bytes() for folder in folders)
        assert one
        assert one == two
    assert sorted(path.name for path in folders[0].iterdir()) == [PAGE, WORKBOOK]


def test_the_saved_workbook_holds_no_clock(sheet):
    with zipfile.ZipFile(BytesIO(render_workbook(sheet))) as archive:
        entries = archive.infolist()
        properties = archive.read("docProps/core.xml").decode()
    assert {entry.date_time for entry in entries} == {(2026, 10, 15, 0, 0, 0)}
    moments = re.findall(r">(2[^<]*)<", properties)
    assert sorted(moments) == ["2026-10-15", "2026-10-15T00:00:00Z", "2026-10-15T00:00:00Z"]


def test_before_the_first_month_is_over_there_is_a_sheet_without_values(warehouse, tmp_path):
    path = tmp_path / "copy.duckdb"
    path.write_bytes(warehouse.read_bytes())
    with duckdb.connect(str(path)) as connection:
        connection.execute("delete from marts.kpi_by_period")
        sheet = read_sheet(connection, AS_OF)
    assert sheet.month is None
    assert len(sheet.kpis) == 9
    rows = openpyxl.load_workbook(BytesIO(render_workbook(sheet)))["KPI一覧 KPIs"]
    assert rows.cell(HEADER_ROW + 1, 8).value == "–"
    assert "目標なし" in render_page(sheet)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(COMMAND), *arguments],
        capture_output=True,
        encoding="utf-8",
        env={"PYTHONUTF8": "1", **environment},
        check=False,
    )


def test_the_command_says_where_the_sheet_is(warehouse, tmp_path):
    done = run(DATA_DIR=str(tmp_path), WAREHOUSE_PATH=str(warehouse), AS_OF_DATE=AS_OF.isoformat())
    assert (done.returncode, done.stderr) == (0, "")
    assert str(tmp_path / "kpi_sheet" / WORKBOOK) in done.stdout
    assert (tmp_path / "kpi_sheet" / PAGE).is_file()


def test_without_a_warehouse_the_command_ends_with_one_line(tmp_path):
    done = run(DATA_DIR=str(tmp_path), AS_OF_DATE=AS_OF.isoformat())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "no warehouse yet; run make build" in done.stderr
    assert not (tmp_path / "kpi_sheet").exists()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("create table other (id integer)", "not a warehouse of this project, or an older one"),
        (
            TABLES + "alter table marts.dim_kpis drop is_published",
            "not a warehouse of this project, or an older one",
        ),
        (None, "cannot be opened as a DuckDB file"),
    ],
)
def test_a_file_that_is_no_such_warehouse_is_named(tmp_path, sql, message):
    path = tmp_path / "warehouse.duckdb"
    if sql:
        with duckdb.connect(str(path)) as connection:
            connection.execute(sql)
    else:
        path.write_text("no database")
    with pytest.raises(UserError, match=message):
        write_kpi_sheet(path, AS_OF, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file_is_named(warehouse, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="is not a folder"):
        write_kpi_sheet(warehouse, AS_OF, tmp_path / "out")
