"""What stands on a page is what the marts say, with all that is needed to read it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from dashboard.conftest import FORMULA, SCRIPT, Connect

pytest.importorskip("altair", reason="make env-quality installs it")

from kpi_warehouse.dashboard.blocks import Block, Chart, Facts, Heading, Note, Table
from kpi_warehouse.dashboard.html import facts_html, table_html
from kpi_warehouse.dashboard.pages import PAGES
from kpi_warehouse.dashboard.view import Choices, View
from kpi_warehouse.review.numbers import figure

Compose = Callable[..., Sequence[Block]]
VIEWS = (
    {"lang": "en", "grain": "week", "basis": "cohort", "channel": "webinar"},
    {"grain": "day", "kpi": "connection_rate", "channel": "dm"},
    {"grain": "quarter", "kpi": "speed_to_lead_median", "lang": "en"},
    {"kpi": "calls_per_hour", "basis": "cohort"},
)


@pytest.fixture
def compose(connect: Connect, choices: Choices, view_of: Callable[..., View]) -> Compose:
    """The blocks of a page for an address."""
    pages = {page.page_id: page for page in PAGES}

    def blocks(page_id: str, **query: str) -> Sequence[Block]:
        with connect() as connection:
            return pages[page_id].compose(connection, view_of(**query), choices)

    return blocks


def tables(blocks: Sequence[Block]) -> dict[str, Table]:
    return {block.name: block for block in blocks if isinstance(block, Table)}


def charts(blocks: Sequence[Block]) -> dict[str, Chart]:
    return {block.name: block for block in blocks if isinstance(block, Chart)}


def data_of(chart: Chart) -> list[dict]:
    """The rows that a chart draws, each layer's data once."""

    def within(node: object) -> list[dict]:
        if isinstance(node, list):
            return [row for each in node for row in within(each)]
        if not isinstance(node, dict):
            return []
        own = node.get("data", {}).get("values", [])
        return own + [row for key, each in node.items() if key != "data" for row in within(each)]

    unique = {str(row): row for row in within(chart.spec)}
    return list(unique.values())


def _of_sdr(choices: Choices) -> str:
    return next(team for team in choices.teams if "SDR" in team)


@pytest.mark.parametrize("query", VIEWS, ids=str)
@pytest.mark.parametrize("page_id", [page.page_id for page in PAGES])
def test_every_page_says_something_in_words(
    compose: Compose, choices: Choices, page_id: str, query: dict[str, str]
) -> None:
    blocks = compose(page_id, **query)
    assert any(isinstance(block, Table | Note) for block in blocks)
    for block in blocks:
        if isinstance(block, Table):
            assert block.rows
            assert all(len(row) == len(block.columns) for row in block.rows)
        shown = visible(block)
        # labels, not names of columns; dates, not timestamps; nothing that Python says
        assert not re.search(r"\b(channel_id|period_start|is_small_sample|ci_low)\b", shown), shown
        assert not re.search(r"00:00:00|\bNone,|\bnan\b|Decimal|datetime", shown), shown


def visible(block: Block) -> str:
    match block:
        case Table():
            cells = [f"{cell.text} {cell.note} {cell.hint}" for row in block.rows for cell in row]
            return " ".join([block.caption, *(column.label for column in block.columns), *cells])
        case Facts():
            return " ".join(f"{fact.label} {fact.text} {fact.notes}" for fact in block.facts)
        case Chart():
            return f"{block.title} {block.alt} {data_of(block)}".replace("None", "null")
    return block.text


@pytest.mark.parametrize(
    ("grain", "period"), [("month", "2026-08-01"), ("fiscal_year", "2026-04-01")]
)
def test_the_funnel_is_that_of_the_wide_table(
    compose: Compose, connect: Connect, choices: Choices, grain: str, period: str
) -> None:
    """`funnel_by_channel_period` holds the same numbers another way."""
    blocks = compose("funnel", grain=grain, period=period)
    table = tables(blocks)["funnel_by_channel"]
    with connect() as connection:
        steps = [
            step
            for (step,) in connection.sql(
                "select step from seeds.bottleneck_steps order by sort_order"
            ).fetchall()
        ]
        rows = connection.execute(
            f"select channel_id, {', '.join(steps)} from marts.funnel_by_channel_period "
            "where period_grain = $grain and period_start = $period",
            {"grain": grain, "period": period},
        ).fetchall()
    units = [choices.kpis[step].unit for step in steps]
    expected = {
        choices.channels[channel].ja: [
            figure(value, unit, "ja") for value, unit in zip(values, units, strict=True)
        ]
        for channel, *values in rows
        if any(values)
    }
    assert len(expected) > 5
    shown = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows[1:]}
    assert shown == expected
    drawn = {
        (row["channel"], row["step"]): row["text"]
        for row in data_of(charts(blocks)["funnel_by_channel"])
    }
    for channel, texts in expected.items():
        for step, text in zip(steps, texts, strict=True):
            assert drawn[channel, choices.kpis[step].name.ja] == text
    (total,) = (row for row in table.rows if row[0].text == "全体")
    facts = next(block for block in blocks if isinstance(block, Facts) and block.are_steps)
    assert [fact.text for fact in facts.facts] == [cell.text for cell in total[1:]]


def test_step_rates_are_the_agreed_ones_else_quotients_of_counts(
    compose: Compose, connect: Connect
) -> None:
    table = tables(compose("funnel", period="2026-08-01"))["funnel_by_channel"]
    labels = [column.label for column in table.columns]
    total = dict(zip(labels, table.rows[0], strict=True))
    with connect() as connection:
        values = dict(
            connection.sql(
                "select kpi_id, value from marts.kpi_by_period "
                "where basis = 'event' and period_grain = 'month' and period_start = '2026-08-01'"
            ).fetchall()
        )
    assert total["接続数"].note == f"{values['connection_rate'] * 100:.1f}%"
    assert "95%区間" in total["接続数"].hint
    quotient = values["target_connections"] / values["calls_connected"]
    assert total["ターゲット接続数"].note == f"{quotient * 100:.1f}%"
    assert total["架電数"].note == f"{values['calls_made'] / values['leads_acquired']:.2f}×"
    assert total["リード獲得数"].note == ""


@pytest.mark.parametrize("basis", ["event", "cohort"])
@pytest.mark.parametrize("kpi", ["connection_rate", "won_amount", "average_deal"])
def test_a_trend_is_the_mart_period_by_period(
    compose: Compose, connect: Connect, choices: Choices, kpi: str, basis: str
) -> None:
    blocks = compose("trends", kpi=kpi, basis=basis, **{"from": "2025-04-01"})
    (table,) = tables(blocks).values()
    with connect() as connection:
        rows = connection.execute(
            "select period_start, value, numerator, denominator, ci_low, ci_high "
            "from marts.kpi_by_period where kpi_id = $kpi and basis = $basis "
            "and period_grain = 'month' and period_start >= '2025-04-01' order by 1",
            {"kpi": kpi, "basis": basis},
        ).fetchall()
    assert len(rows) == 18
    names = ["期間", "値", "分子", "分母", "95%区間 下限", "95%区間 上限"]
    assert [tuple(record[name] for name in names) for record in reversed(table.records)] == rows
    unit = choices.kpis[kpi].shown_unit
    assert [row[1].text for row in reversed(table.rows)] == [
        figure(row[1], unit, "ja") for row in rows
    ]
    drawn = data_of(charts(blocks)["trend"])
    assert [row["value"] for row in drawn] == [
        None if row[1] is None else float(row[1]) for row in rows
    ]


def test_targets_stand_beside_their_month(compose: Compose, connect: Connect) -> None:
    blocks = compose("trends", kpi="meetings")
    (table,) = tables(blocks).values()
    with connect() as connection:
        expected = dict(
            connection.sql(
                "select month, target from marts.kpi_attainment where kpi_id = 'meetings' "
                "and channel_id = 'all' and department = 'inside_sales'"
            ).fetchall()
        )
    shown = {
        record["期間"]: record["目標"] for record in table.records if record["目標"] is not None
    }
    assert shown
    assert shown == {month: expected[month] for month in shown}
    assert (
        not tables(compose("trends", kpi="meetings", grain="week"))
        .popitem()[1]
        .records[0]
        .get("目標")
    )


@pytest.mark.parametrize("query", [{"channel": "web_inquiry"}, {"team": "first"}])
def test_a_trend_heeds_channel_and_team(
    compose: Compose, connect: Connect, choices: Choices, query: dict[str, str]
) -> None:
    query = query if "channel" in query else {"team": _of_sdr(choices)}
    ((column, value),) = query.items()
    mart = "kpi_by_channel_period" if column == "channel" else "kpi_by_team_period"
    field = "channel_id" if column == "channel" else "team"
    (table,) = tables(compose("trends", kpi="calls_made", **query)).values()
    with connect() as connection:
        rows = connection.execute(
            f"select value from marts.{mart} where kpi_id = 'calls_made' and basis = 'event' "
            f"and period_grain = 'month' and period_start >= '2025-09-01' and {field} = $value "
            "order by period_start",
            {"value": value},
        ).fetchall()
    assert sum(row[0] for row in rows) > 0
    assert [record["値"] for record in reversed(table.records)] == [row[0] for row in rows]


def test_team_and_channel_together_are_said_not_to_be_there(
    compose: Compose, choices: Choices
) -> None:
    notes = [
        block.text
        for block in compose("trends", channel="dm", team=choices.teams[0])
        if isinstance(block, Note)
    ]
    assert any("マートにない" in note for note in notes)


@pytest.mark.parametrize("basis", ["event", "cohort"])
def test_the_matrix_holds_every_published_kpi_and_busy_channel(
    compose: Compose, connect: Connect, choices: Choices, basis: str
) -> None:
    with connect() as connection:
        rows = connection.execute(
            "select kpi_id, channel_id, value, numerator, denominator, ci_low, ci_high, "
            "is_small_sample from marts.kpi_by_channel_period "
            "where period_grain = 'quarter' and period_start = '2026-07-01' and basis = $basis",
            {"basis": basis},
        ).fetchall()
    mart = {(kpi, channel): rest for kpi, channel, *rest in rows}
    busy = {channel for (_, channel), rest in mart.items() if rest[1]}
    seen = 0
    for table in tables(compose("matrix", grain="quarter", basis=basis)).values():
        labels = [column.label for column in table.columns]
        names = {text.ja: channel for channel, text in choices.channels.items()}
        assert {names[label] for label in labels[2:]} == busy
        kpis = {kpi.name.ja: kpi for kpi in choices.kpis.values()}
        for name, _, *cells in table.rows:
            kpi = kpis[name.text]
            for label, cell in zip(labels[2:], cells, strict=True):
                value, numerator, denominator, low, high, is_small = mart.get(
                    (kpi.kpi_id, names[label]), [None] * 6
                )
                text = figure(value, kpi.shown_unit, "ja")
                assert cell.text.lstrip("▲▼ ") == text
                seen += 1
                if value is None:
                    continue
                assert (cell.mark == "small") == is_small
                if kpi.unit == "rate":
                    units = (kpi.numerator_unit, kpi.denominator_unit)
                    assert cell.note == " / ".join(
                        figure(part, unit, "ja")
                        for part, unit in zip((numerator, denominator), units, strict=True)
                    )
                    if low is not None:
                        assert figure(low, "rate", "ja") in cell.hint
                        assert figure(high, "rate", "ja") in cell.hint
    assert seen > 500


def test_a_sign_stands_where_a_channel_surely_differs(compose: Compose, connect: Connect) -> None:
    table = tables(compose("matrix", grain="fiscal_year", period="2026-04-01"))["matrix_approach"]
    labels = [column.label for column in table.columns]
    row = next(row for row in table.rows if row[0].text == "接続率")
    with connect() as connection:
        rows = connection.sql(
            """
            select
                channels.name_ja,
                case
                    when kpis.is_small_sample then ''
                    when kpis.ci_low > total.value then '▲'
                    when kpis.ci_high < total.value then '▼'
                    else ''
                end
            from marts.kpi_by_channel_period as kpis
            inner join marts.kpi_by_period as total
                using (kpi_id, basis, period_grain, period_start)
            inner join marts.dim_channels as channels using (channel_id)
            where kpi_id = 'connection_rate' and basis = 'event' and period_grain = 'fiscal_year'
                and period_start = '2026-04-01'
            """
        ).fetchall()
    expected = dict(rows)
    assert {"▲", "▼", ""} == set(expected.values())
    for label, cell in zip(labels[2:], row[2:], strict=True):
        assert "".join(sign for sign in "▲▼" if sign in cell.text) == expected[label]


def test_people_are_those_of_the_mart(compose: Compose, connect: Connect, choices: Choices) -> None:
    blocks = compose("people", kpi="connection_rate", grain="fiscal_year")
    shown = tables(blocks)
    with connect() as connection:
        rows = connection.sql(
            "select team, value, numerator, denominator from marts.rep_performance "
            "where kpi_id = 'connection_rate' and basis = 'event' and period_grain = 'fiscal_year' "
            "and period_start = '2025-04-01' order by team, value desc nulls last, rep_id"
        ).fetchall()
        teams = connection.sql(
            "select team, value from marts.kpi_by_team_period where kpi_id = 'connection_rate' "
            "and basis = 'event' and period_grain = 'fiscal_year' "
            "and period_start = '2025-04-01' and denominator > 0"
        ).fetchall()
    assert len(rows) >= 3
    records = shown["reps_connection_rate"].records
    names = ["チーム", "値", "分子", "分母"]
    assert [tuple(record[name] for name in names) for record in records] == rows
    assert {
        record["チーム"]: record["値"] for record in shown["teams_connection_rate"].records
    } == dict(teams)
    team = _of_sdr(choices)
    only = tables(compose("people", kpi="connection_rate", grain="fiscal_year", team=team))
    assert {record["チーム"] for record in only["reps_connection_rate"].records} == {team}


@pytest.mark.parametrize("channel", ["all", "whitepaper"])
def test_hours_are_those_of_the_mart(
    compose: Compose, connect: Connect, channel: str, choices: Choices
) -> None:
    blocks = compose("hours", grain="fiscal_year", channel=channel)
    table = "connection_by_hour_total" if channel == "all" else "connection_by_hour"
    where = "" if channel == "all" else f"and channel_id = '{channel}'"
    with connect() as connection:
        rows = connection.sql(
            "select day_class_name_ja, hour_of_day, connection_rate, calls_connected, calls_made "
            f"from marts.{table} where period_grain = 'fiscal_year' "
            f"and period_start = '2025-04-01' and calls_made > 0 {where}"
        ).fetchall()
    records = tables(blocks)["hours_connection_rate"].records
    names = ["曜日", "時", "値", "分子", "分母"]
    assert {tuple(record[name] for name in names) for record in records} == set(rows)
    assert len(rows) > 20
    limit = choices.small_sample_below
    for record, drawn in zip(
        records, data_of(charts(blocks)["hours_connection_rate"]), strict=True
    ):
        assert drawn["is_small"] == (record["分母"] < limit)
        assert drawn["text"] == figure(record["値"], "rate", "ja")


@pytest.mark.parametrize("channel", ["all", "web_inquiry"])
def test_cohorts_are_those_of_the_mart(compose: Compose, connect: Connect, channel: str) -> None:
    blocks = compose("cohorts", stage="meeting", channel=channel)
    table = "kpi_cohort_conversion_total" if channel == "all" else "kpi_cohort_conversion"
    where = "" if channel == "all" else f"and channel_id = '{channel}'"
    with connect() as connection:
        rows = connection.sql(
            "select cohort_month, months_since, rate, reached, leads, is_mature "
            f"from marts.{table} where stage_id = 'meeting' and leads > 0 {where}"
        ).fetchall()
    records = tables(blocks)["cohorts"].records
    names = ["獲得月", "獲得からの経過月", "値", "分子", "分母"]
    assert {tuple(record[name] for name in names) for record in records} == {
        row[:-1] for row in rows
    }
    assert len(rows) > 100
    immature = {(row[0], row[1]) for row in rows if not row[-1]}
    assert immature
    assert immature == {
        (record["獲得月"], record["獲得からの経過月"])
        for record in records
        if "未成熟" in record["状態"]
    }


def test_goals_are_those_of_the_marts(compose: Compose, connect: Connect) -> None:
    shown = tables(compose("goals", period="2026-08-01"))
    with connect() as connection:
        rows = connection.sql(
            "select kpi_id, target, actual, attainment from marts.kpi_attainment "
            "where month = '2026-08-01' and channel_id = 'all'"
        ).fetchall()
        nodes = connection.sql(
            "select name_ja, required from marts.kgi_kpi_tree "
            "where month = '2026-08-01' and channel_id = 'all' order by sort_order"
        ).fetchall()
    names = ["kpi_id", "目標", "実績", "達成率"]
    records = shown["attainment"].records
    assert sorted(tuple(record[name] for name in names) for record in records) == sorted(rows)
    assert len(nodes) == len(shown["kpi_tree"].rows) > 5
    for (name, required), row in zip(nodes, shown["kpi_tree"].rows, strict=True):
        assert row[0].text.lstrip("└ ") == name
        unit = "jpy" if name == "受注額" else "count"
        assert row[1].text == figure(required, unit, "ja")


def test_definitions_are_all_there(compose: Compose, choices: Choices) -> None:
    shown = tables(compose("definitions", kpi="connection_rate"))
    listed = {
        record["kpi_id"]
        for name, table in shown.items()
        if name.startswith("definitions_")
        for record in table.records
    }
    assert set(choices.kpis) <= listed
    assert any("架電" in row[1].text for row in shown["definition"].rows)


def test_quality_accounts_for_every_row(compose: Compose, connect: Connect) -> None:
    blocks = compose("quality")
    shown = tables(blocks)
    with connect() as connection:
        ((rows,),) = connection.sql("select sum(row_count) from marts.row_account").fetchall()
        findings = dict(
            connection.sql(
                "select rule, count(*) from marts.data_quality_findings group by rule"
            ).fetchall()
        )
    records = shown["row_account"].records
    assert sum(record["読込"] for record in records) >= rows > 0
    assert all(record["差"] == 0 for record in records)
    assert {record["ルール"]: record["件数"] for record in shown["findings"].records} == findings
    assert any(isinstance(block, Note) and "変わっていません" in block.text for block in blocks)


def test_a_period_in_progress_is_marked_and_compared_with_nothing(compose: Compose) -> None:
    blocks = compose("funnel", grain="week", period="2026-09-28")
    assert any(isinstance(block, Note) and block.is_warning for block in blocks)
    headlines = next(block for block in blocks if isinstance(block, Facts))
    assert headlines.facts
    for fact in headlines.facts:
        assert not any("前期比" in note for note in fact.notes)
        assert any("途中" in note for note in fact.notes)
    over = next(
        block
        for block in compose("funnel", grain="week", period="2026-09-21")
        if isinstance(block, Facts)
    )
    assert any("前期比" in note for fact in over.facts for note in fact.notes)
    drawn = data_of(charts(compose("trends", grain="week", period="2026-09-28"))["trend"])
    assert [row["is_settled"] for row in drawn][-2:] == [True, False]


def test_a_cohort_that_may_grow_is_not_settled(compose: Compose) -> None:
    drawn = data_of(charts(compose("trends", basis="cohort", kpi="meeting_rate"))["trend"])
    assert {row["is_settled"] for row in drawn} == {True, False}
    assert drawn[-1]["tip_state"].startswith("未成熟")


def test_names_are_text_in_html(compose: Compose, choices: Choices) -> None:
    assert choices.channels["webinar"].ja == SCRIPT
    html = ""
    for page in PAGES:
        for block in compose(page.page_id, grain="fiscal_year"):
            html += table_html(block) if isinstance(block, Table) else ""
            html += facts_html(block) if isinstance(block, Facts) else ""
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_downloads_hold_no_formula(compose: Compose) -> None:
    from kpi_warehouse.dashboard.app.main import to_csv

    seen = ""
    for page in PAGES:
        for table in tables(compose(page.page_id, grain="fiscal_year")).values():
            if not table.records:
                continue
            content = to_csv(table.records)
            assert content.startswith(b"\xef\xbb\xbf")
            rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
            assert len(rows) == len(table.records) + 1
            for cell in (cell for row in rows for cell in row):
                # what begins like a formula is a number
                if cell[:1] in tuple("=+-@\t\r＝＋－＠"):
                    float(cell)
            seen += content.decode()
    assert f"'{FORMULA}"[:5] in seen
    assert SCRIPT.split("'")[0] in seen


def test_a_month_without_anything_says_so(
    connect: Connect, choices: Choices, view_of: Callable[..., View]
) -> None:
    """A period of which the marts hold nothing: no chart without data, no error."""
    view = view_of()
    long_ago = replace(view.period, start=view.period.start.replace(year=2001))
    for page in PAGES:
        with connect() as connection:
            blocks = page.compose(connection, replace(view, period=long_ago), choices)
        assert not [chart for chart in charts(blocks).values() if not data_of(chart)], page.page_id
        assert any(isinstance(block, Note | Heading | Table) for block in blocks)
