"""The monthly review says what the published tables hold, in one language, and as what it is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from kpi_warehouse.errors import UserError
from kpi_warehouse.review import MARKDOWN, PAGE, write_review
from kpi_warehouse.review.compose import compose
from kpi_warehouse.review.content import Review, month_of, read_review
from kpi_warehouse.review.document import Cell, Document, Table
from kpi_warehouse.review.history import (
    FILE,
    Snapshot,
    Value,
    newest_earlier,
    restatements,
    to_json,
)
from kpi_warehouse.review.markdown import render_markdown
from kpi_warehouse.review.numbers import difference, figure, interval, yen
from kpi_warehouse.review.page import render_page
from kpi_warehouse.settings import Settings
from kpi_warehouse.truth import bottlenecks
from published_review import write_published

AS_OF = date(2026, 9, 15)
SEPTEMBER, AUGUST, JULY = date(2026, 9, 1), date(2026, 8, 1), date(2026, 7, 1)
COMMAND = Path(__file__).resolve().parents[2] / "scripts" / "review.py"
VOID = {"br", "meta", "link"}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_published(tmp_path_factory.mktemp("review") / "warehouse.duckdb")


@pytest.fixture(scope="module")
def review(warehouse: Path) -> Review:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return read_review(connection, month_of("2026-09"), AS_OF, 2)


@pytest.fixture(scope="module")
def document(review: Review) -> Document:
    return compose(review, "ja", (), None)


def tables(document: Document, section_id: str) -> list[Table]:
    (section,) = [each for each in document.sections if each.section_id == section_id]
    return list(section.tables)


def rows(table: Table) -> dict[str, list[str]]:
    """The texts of a table by its first column, notes in brackets."""
    return {_shown(row[0]): [_shown(cell) for cell in row[1:]] for row in table.rows}


def _shown(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text


def test_the_head_says_how_far_the_month_is_and_what_was_won_of_the_goal(document):
    facts = {label: _shown(cell) for label, cell in document.facts}
    assert document.title == "月次レビュー 2026年9月"
    assert "営業日22日のうち11日経過" in document.subtitle
    assert facts["目標(KGI)"] == "1,200万円 (受注額)"
    assert facts["受注額"] == "600万円 (KGI比 50.0%)"
    assert facts["着地見込"] == "1,200万円 (900–1,500万円)"
    assert facts["営業日"] == "11 / 22 (経過 / 全体)"
    assert facts["判定"].startswith("●2 ▲3 ■1")


def test_a_step_stands_beside_the_target_of_the_kpis_owner(document):
    (funnel,) = tables(document, "funnel")
    shown = rows(funnel)
    assert shown["リード獲得数"] == [
        *("100", "190", "52.6%", "95", "105.0%", "200", "180–220", "● 順調")
    ]
    assert shown["商談化件数"][-1] == "■ 要見直し"
    assert shown["受注数"] == ["3", "–", "–", "–", "–", "–", "–", "– 目標なし"]
    assert shown["受注額"][:2] == ["600万円", "1,100万円"]


def test_the_bottleneck_is_named_with_what_it_costs(document):
    (found,) = tables(document, "bottleneck")
    shown = rows(found)
    assert shown["◆ リード→商談"] == [
        *("12.0%", "21.0%", "9.0pt", "2.3", "450万円", "目標件数の比")
    ]
    assert shown["商談→受注"][-1] == "過去実績 · 小標本"
    assert shown["受注→受注額"] == ["200万円", "–", "–", "–", "–", "小標本 · 対象なし"]
    assert sum(row[0].mark == "strong" for row in found.rows) == 1
    first = document.points[0]
    assert first.text == "ボトルネックは「リード→商談」。不足は受注2.3件・450万円に相当。"


def test_what_falls_short_is_listed_and_what_is_not_judged_is_said(document):
    review_table, behind = tables(document, "targets")
    assert rows(review_table) == {
        "商談化件数": [*("インサイドセールス", "12", "40", "30.0%", "28", "直近6か月の実績")]
    }
    assert list(rows(behind)) == ["リード獲得数", "商談化件数 (ウェビナー)", "商談化率"]
    (section,) = [each for each in document.sections if each.section_id == "targets"]
    assert section.lines == ("判定していないKPI:無断率(件数不足)",)


def test_channels_show_their_attainment_and_bottleneck_and_idle_ones_are_left_out(document):
    matrix, targets = tables(document, "channels")
    shown = rows(matrix)
    assert list(shown) == ["ウェビナー", "=1+1|<b>x</b>"]
    assert shown["ウェビナー"] == [*("60", "9 (▲ 40.9%)", "–", "–", "商談→受注 (−2.7件 · 小標本)")]
    assert rows(targets)["ウェビナー"][:4] == [
        "商談化件数 (インサイドセールス)",
        "9",
        "22",
        "40.9%",
    ]


def test_a_new_team_is_steered_on_quantity_first(document, review):
    months = {team.name: (team.months, team.is_new) for team in review.teams}
    # the reps of September decide: who comes in October does not, who has left does
    assert months == {"alpha": (None, False), "beta": (2, True), "gamma": (7, False)}
    overview, old, new = tables(document, "teams")
    assert rows(overview)["beta"][0] == "新:量→質 (2か月)"
    assert rows(overview)["alpha"][0] == "質・量"
    assert [row[0].text for row in new.rows] == ["商談化件数", "商談化率", "無断率"]
    assert [row[0].text for row in old.rows] == ["商談化率", "無断率", "商談化件数"]
    assert "量を先に" in new.caption
    assert "beta" in document.points[-1].text


def test_a_teams_rate_stands_beside_the_departments_target_rate(document):
    _, old, new = tables(document, "teams")
    assert [column.label for column in old.columns] == [
        *("KPI", "量・質", "部門の目標", "alpha", "gamma")
    ]
    assert rows(old)["商談化率"] == ["質", "15.0%", "● 以上 16.0%", "–"]
    # fewer no-shows are better
    assert rows(old)["無断率"][2] == "● 以上 5.0%"
    assert rows(new)["商談化率"][2] == "▲ 未満 9.0%"
    assert rows(new)["無断率"][2] == "– 小標本 30.0%"
    assert rows(new)["商談化件数"] == ["量", "40", "5"]


def test_the_goal_says_what_is_not_feasible_and_what_would_have_to_be_true(document):
    tree, levers, conflicts = tables(document, "goals")
    assert rows(tree)["リード獲得数"] == [
        *("400", "350–480", "12.0%", "10.0%–14.0%", "2.5", "供給 190"),
        "■ 否 (供給は190件)",
    ]
    assert rows(levers) == {
        "商談化率 (リード獲得数のため)": ["12.0%", "25.0%", "＋108.3%", "▲ なし"]
    }
    assert rows(conflicts)["育成は供給以下"] == [
        *("インサイドセールス (リード獲得数)", "200", "マーケティング (リード獲得数)", "100"),
        *("＋100", "200件の育成に100件の供給"),
    ]
    (section,) = [each for each in document.sections if each.section_id == "goals"]
    assert section.lines == ("チャネル別で達成が見込めない:ウェビナー 受注数(過去最高を上回る)",)


def test_definitions_and_policies_of_the_month_are_listed_drafts_are_not(document):
    (changed,) = tables(document, "changes")
    assert rows(changed) == {
        "商談化件数 (第2版)": ["2026-09-10", "変更2", "理由"],
        "旧指標 (第1版)": ["2026-09-05 (終了)", "定義", "–"],
        "開封日数 (方針)": ["2026-09-01", "14日", "長く待つ"],
    }


def test_english_says_the_same_without_a_word_of_japanese(review):
    document = compose(review, "en", (), None)
    facts = {label: _shown(cell) for label, cell in document.facts}
    assert facts["Won amount"] == "¥6,000,000 (50.0% of goal)"
    japanese = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
    assert not japanese.findall(render_markdown(document))
    body = render_page(document)
    assert not japanese.findall(body)
    assert '<html lang="en">' in body
    shape = [len(section.tables) for section in document.sections]
    assert shape == [len(each.tables) for each in compose(review, "ja", (), None).sections]


class _Page(HTMLParser):
    """Checks that tags are closed, and collects them."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(content)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_texts_stay_texts(document):
    content = render_page(document)
    page = _Page(content)
    assert not {"script", "link", "img", "iframe", "b"} & {tag for tag, _ in page.tags}
    assert "=1+1|&lt;b&gt;x&lt;/b&gt;" in content
    assert not re.search(r"url\(|@import|https?:", content)
    assert "size: A4" in content
    assert "tabular-nums" in content
    assert content == render_page(document)


def test_a_text_is_no_markup_and_no_formula_in_markdown(review):
    text = render_markdown(compose(review, "en", (), None))
    assert r"| \=1+1\|\<b\>x\</b\> |" in text
    assert r'| \=HYPERLINK("http://x") |' in text
    for line in text.splitlines():
        if line.startswith("| "):
            assert not re.search(r"\| ?[=+\-@](?!--)", line), line
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines()]
    blocks = [width for width in widths if width]
    assert len(set(blocks)) > 3


@pytest.mark.parametrize(
    ("value", "unit", "ja", "en"),
    [
        (32_820_000, "jpy", "3,282万円", "¥32,820,000"),
        (99_999, "jpy", "99,999円", "¥99,999"),
        (-250_000, "jpy", "−25万円", "−¥250,000"),
        (Decimal("0.6985"), "rate", "69.9%", "69.9%"),
        (0.7, "rate", "70.0%", "70.0%"),
        (2.5, "count", "3", "3"),
        (-0.4, "count", "0", "0"),
        (1234.5, "ratio", "1,234.50", "1,234.50"),
        (None, "jpy", "–", "–"),
    ],
)
def test_numbers_are_written_as_people_of_the_language_do(value, unit, ja, en):
    assert (figure(value, unit, "ja"), figure(value, unit, "en")) == (ja, en)


def test_differences_carry_a_sign_that_is_no_formula():
    assert difference(Decimal(-5), "count", "ja") == "−5"
    assert difference(0.012, "rate", "en") == "＋1.2pt"
    assert difference(0, "count", "ja") == "±0"
    assert yen(Decimal("-3"), "ja") == "−3円"


def test_an_interval_says_its_unit_once_only_where_it_is_the_same():
    assert interval(9_000_000, 15_000_000, "jpy", "ja") == "900–1,500万円"
    assert interval(90_000, 150_000, "jpy", "ja") == "90,000円–15万円"
    assert interval(1, 2, "jpy", "ja") == "1–2円"
    assert interval(1, 2, "jpy", "en") == "¥1–¥2"
    assert interval(0.1, 0.2, "rate", "ja") == "10.0%–20.0%"


def value(
    kpi_id: str, month: date, numerator: int | None, version: int = 1, is_complete: bool = True
) -> Value:
    shown = None if numerator is None else float(numerator)
    exact = None if numerator is None else Decimal(numerator)
    return Value(kpi_id, month, version, exact, None, shown, is_complete)


def test_a_restatement_is_a_value_of_a_month_that_was_over():
    before = Snapshot(
        AUGUST,
        date(2026, 8, 31),
        (
            value("late", JULY, 10),
            value("same", JULY, 10),
            value("renamed", JULY, 10),
            value("gone", JULY, 10),
            value("nothing", JULY, None),
            value("going_on", AUGUST, 4, is_complete=False),
            value("too_old", date(2025, 8, 1), 4),
        ),
    )
    now = Snapshot(
        SEPTEMBER,
        AS_OF,
        (
            value("late", JULY, 12),
            value("same", JULY, 10, version=2),
            value("renamed", JULY, 9, version=2),
            value("nothing", JULY, 0),
            value("going_on", AUGUST, 9),
            value("new", JULY, 5),
        ),
    )
    found = {each.before.kpi_id: each.is_definition for each in restatements(before, now)}
    assert found == {"late": False, "renamed": True, "gone": True, "nothing": False}


def test_the_newest_earlier_review_is_the_one_compared_with(tmp_path):
    for month, as_of in (
        (JULY, date(2026, 7, 31)),
        (AUGUST, date(2026, 8, 31)),
        (SEPTEMBER, AS_OF),
        (date(2026, 6, 1), date(2027, 1, 1)),
    ):
        folder = tmp_path / f"{month:%Y-%m}"
        folder.mkdir()
        snapshot = Snapshot(month, as_of, (value("late", JULY, 10), value("none", JULY, None)))
        (folder / FILE).write_text(to_json(snapshot, (), None), "utf-8")
    found = newest_earlier(tmp_path, SEPTEMBER, AS_OF)
    assert found == Snapshot(
        AUGUST, date(2026, 8, 31), (value("late", JULY, 10), value("none", JULY, None))
    )
    assert newest_earlier(tmp_path, AUGUST, AS_OF).month == JULY
    # made as of a later day: it knows more than this review, not less
    assert newest_earlier(tmp_path, SEPTEMBER, date(2026, 8, 1)).month == JULY
    assert newest_earlier(tmp_path, JULY, AS_OF) is None
    assert newest_earlier(tmp_path / "nowhere", SEPTEMBER, AS_OF) is None


@pytest.mark.parametrize("content", ["", "[]", '{"format": 99}', '{"format": 1, "month": "soon"}'])
def test_an_earlier_review_that_is_none_is_an_error(tmp_path, content):
    (tmp_path / "2026-08").mkdir()
    (tmp_path / "2026-08" / FILE).write_text(content)
    with pytest.raises(UserError, match="no review of this project"):
        newest_earlier(tmp_path, SEPTEMBER, AS_OF)


def test_the_next_review_says_what_has_changed_since(warehouse, tmp_path):
    """The one of August is made, its July is falsified, and September tells."""
    write_review(warehouse, AS_OF, tmp_path, "2026-08")
    text = (tmp_path / "2026-08" / MARKDOWN).read_text("utf-8")
    assert "前回のレビューがないため" in text
    path = tmp_path / "2026-08" / FILE
    content = json.loads(path.read_text("utf-8"))
    assert content["compared_with"] is None
    for each in content["values"]:
        if (each["kpi_id"], each["month"]) == ("leads_acquired", "2026-07"):
            each.update(numerator="148.00", value=148.0)
        if (each["kpi_id"], each["month"]) == ("meetings", "2026-08"):
            each.update(numerator="33.00", value=33.0, version=9)
    path.write_text(json.dumps(content), "utf-8")
    write_review(warehouse, AS_OF, tmp_path, "2026-09")
    shown = (tmp_path / "2026-09" / MARKDOWN).read_text("utf-8")
    assert (
        "| リード獲得数 | 2026年7月 | 148 | 150 | ＋2 | データ(遅延・訂正・分類の変更) |" in shown
    )
    assert "| 商談化件数 | 2026年8月 | 33 | 30 | −3 | 定義(第9版→第1版) |" in shown
    assert "過去の値2件が変わった" in shown
    written = json.loads((tmp_path / "2026-09" / FILE).read_text("utf-8"))
    assert [each["reason"] for each in written["restatements"]] == ["data", "definition"]
    assert written["compared_with"] == {"month": "2026-08", "as_of": "2026-09-15"}


def test_the_same_warehouse_gives_the_same_files_and_they_agree_with_the_tables(
    warehouse, tmp_path
):
    paths = write_review(warehouse, AS_OF, tmp_path, "2026-09")
    assert [path.name for path in paths] == [PAGE, MARKDOWN, FILE]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_review(warehouse, AS_OF, tmp_path, "2026-09")] == (
        first
    )
    kept = json.loads(first[2])["values"]
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        (count,) = connection.execute("select count(*) from marts.kpi_by_period").fetchone()
    assert len(kept) == count
    # without a month, the last one that is over
    (page, *_) = write_review(warehouse, AS_OF, tmp_path)
    assert page.parent.name == "2026-08"


@pytest.mark.parametrize(
    ("month", "what"),
    [
        ("2026-13", "not a month"),
        ("2026-9", "not a month"),
        ("9月", "not a month"),
        ("2026-09-01", "not a month"),
        ("2026-10", "has not begun as of 2026-09-15"),
        ("2026-06", "holds nothing of it; take one from 2026-07 to 2026-09"),
    ],
)
def test_a_month_that_cannot_be_reviewed_is_one_line(warehouse, tmp_path, month, what):
    with pytest.raises(UserError) as error:
        write_review(warehouse, AS_OF, tmp_path, month)
    assert what in str(error.value)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_another_day_language_or_warehouse_is_refused(warehouse, tmp_path):
    with pytest.raises(UserError, match="built as of another day"):
        write_review(warehouse, date(2026, 12, 31), tmp_path, "2026-09")
    with pytest.raises(UserError, match="not a language"):
        write_review(warehouse, AS_OF, tmp_path, "2026-09", "fr")
    with pytest.raises(UserError, match="no warehouse yet"):
        write_review(tmp_path / "none.duckdb", AS_OF, tmp_path, "2026-09")
    older = tmp_path / "older.duckdb"
    with duckdb.connect(str(older)) as connection:
        connection.execute("create schema marts; create table marts.kpi_by_period (kpi_id text)")
    with pytest.raises(UserError, match="or an older one"):
        write_review(older, AS_OF, tmp_path, "2026-09")


@pytest.mark.parametrize("text", ["-1", "61", "six", "1.5", "²"])
def test_months_of_a_new_team_are_a_small_whole_number(tmp_path, text):
    with pytest.raises(UserError, match="NEW_TEAM_MONTHS"):
        Settings.from_environment({"NEW_TEAM_MONTHS": text}, tmp_path)
    assert Settings.from_environment({}, tmp_path).new_team_months == 6
    assert Settings.from_environment({"NEW_TEAM_MONTHS": "0"}, tmp_path).new_team_months == 0


def test_the_limit_of_a_new_team_is_included(review, warehouse):
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        stricter = read_review(connection, month_of("2026-09"), AS_OF, 1)
        wider = read_review(connection, month_of("2026-09"), AS_OF, 7)
    assert [team.name for team in stricter.teams if team.is_new] == []
    assert [team.name for team in wider.teams if team.is_new] == ["beta", "gamma"]


def test_without_goal_targets_and_teams_the_review_says_so(review):
    empty = replace(
        review, attainments=(), bottlenecks=(), nodes=(), levers=(), conflicts=(), teams=()
    )
    text = render_markdown(compose(empty, "ja", (), None))
    assert "この月の目標(KGI)はない" in text
    assert "受注を失わせている段階はない" in text
    assert "部門間の目標に食い違いはない" in text


def test_the_command_writes_the_files_and_refuses_in_one_line(warehouse, tmp_path):
    environment = os.environ | {
        "WAREHOUSE_PATH": str(warehouse),
        "DATA_DIR": str(tmp_path),
        "AS_OF_DATE": f"{AS_OF}",
        "NEW_TEAM_MONTHS": "",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(COMMAND), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("--month", "2026-09", "--language", "en")
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "review" / "2026-09"
    assert {path.name for path in folder.iterdir()} == {PAGE, MARKDOWN, FILE}
    assert "Monthly review 2026-09" in (folder / MARKDOWN).read_text("utf-8")
    refused = run("--month", "September")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1


def chain(*volumes: float) -> dict[str, Fraction]:
    return {
        kpi_id: Fraction(volume) for kpi_id, volume in zip(bottlenecks.CHAIN, volumes, strict=True)
    }


def test_the_truth_plays_the_month_again_without_the_shortfall():
    """3 deals more at 7 of 16, 2 more with 37.5 % connections, one more with 125 leads."""
    month = chain(100, 1000, 250, 125, 25, 16, 4, 8_000_000)
    targets = {
        "leads_acquired": Fraction(125),
        "connection_rate": Fraction(3, 8),
        "qualified_meetings": Fraction(32),
        "deals_won": Fraction(14),
    }
    found = {each.kpi_id: each for each in bottlenecks.steps(month, targets, [])}
    assert found["deals_won"].deals_lost == 3
    assert found["deals_won"].amount_lost == 6_000_000
    assert found["calls_connected"].deals_lost == 2
    assert found["leads_acquired"].deals_lost == 1
    assert found["target_connections"].deals_lost is None
    assert bottlenecks.bottleneck(list(found.values())) == "deals_won"
    half = bottlenecks.steps(month, targets, [], due=Fraction(1, 2))
    assert half[0].deals_lost == 0


def test_the_truth_knows_no_loss_where_a_later_rate_is_over_nothing():
    month = chain(10, 0, 0, 0, 0, 0, 1, 500)
    found = bottlenecks.steps(month, {"leads_acquired": Fraction(20)}, [chain(*[1] * 8)])
    assert found[0].shortfall == 10
    assert [each.deals_lost for each in found] == [None] * 6 + [None, Fraction(0)]
    assert bottlenecks.bottleneck(found) is None
