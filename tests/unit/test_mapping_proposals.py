"""Rows proposed for the mapping seeds: what is near, what a person decided, what is appended."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_warehouse.errors import UserError
from kpi_warehouse.mapping_proposals import accept, show, write
from kpi_warehouse.mapping_proposals.gaps import Gap, read_gaps
from kpi_warehouse.mapping_proposals.nearest import edit_distance, nearest
from kpi_warehouse.mapping_proposals.proposals import (
    in_both_languages,
    propose,
    read_decisions,
    write_proposals,
)
from kpi_warehouse.mapping_proposals.seeds import (
    MAPPINGS,
    RULES,
    Seed,
    read_rows,
    read_seed,
    seeds_of_rules,
    timeline_problem,
)
from kpi_warehouse.mapping_proposals.text import fold, shown
from kpi_warehouse.settings import PROJECT_DIR
from kpi_warehouse.spreadsheet_text import neutralise, restore

SEED_HEADER = "disposition_code,outcome_code,name_ja,name_en,is_connected,valid_from,valid_to\n"
SEED_ROWS = (
    "connected,connected,接続,Connected,true,,\n"
    "接続,connected,接続,Connected,true,,\n"
    "担当者不在,target_absent,担当者不在,Target absent,true,,\n"
    "不在,no_answer,応答なし,No answer,false,,\n"
    "no answer,no_answer,応答なし,No answer,false,,\n"
)
RULE_ROWS = (
    "rule,severity,name_ja,name_en,mend\n"
    "unmapped_call_outcome,warning,未分類,Unmapped,Add the code to seeds/mappings/outcomes.csv\n"
    "unmapped_direction,warning,不明,Unknown,Export calls.direction as outbound\n"
)
FORMULA_STARTS = set("=+-@\t\r\n＝＋－＠")


class Folder:
    """A project with one seed, and a warehouse that reports codes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seed_path = root / MAPPINGS / "outcomes.csv"
        self.seed_path.parent.mkdir(parents=True)
        self.seed_path.write_text(SEED_HEADER + SEED_ROWS, "utf-8")
        (root / RULES).parent.mkdir(parents=True)
        (root / RULES).write_text(RULE_ROWS, "utf-8")
        self.warehouse = root / "warehouse.duckdb"
        self.proposals = root / "mappings" / "outcomes.csv"
        self.lines: list[str] = []

    def report(self, *codes: str, rule: str = "unmapped_call_outcome", rows: int = 3) -> None:
        """Let the warehouse report these codes and no other."""
        self.warehouse.unlink(missing_ok=True)
        with duckdb.connect(str(self.warehouse)) as connection:
            connection.execute("create schema marts")
            connection.execute(
                "create table marts.data_quality_findings (rule varchar, source_system varchar, "
                "object varchar, detail varchar, file varchar, row bigint)"
            )
            for code in codes:
                connection.execute(
                    "insert into marts.data_quality_findings values "
                    "(?, 'generic', 'calls', ?, 'generic/calls.csv', 7)",
                    [rule, f"{code}: {rows} rows"],
                )

    def seed(self) -> Seed:
        return read_seed(self.seed_path)

    def write(self) -> list[list[str]]:
        """Write the proposals; returns the file's lines, as a spreadsheet reads them."""
        write(self.root, self.warehouse, self.proposals.parent, self.lines.append)
        return list(csv.reader(io.StringIO(self.proposals.read_text("utf-8-sig"), newline="")))

    def enter(self, **cells: str) -> None:
        """A person enters the cells in the file's last row."""
        lines = list(csv.reader(io.StringIO(self.proposals.read_text("utf-8-sig"), newline="")))
        for column, value in cells.items():
            lines[-1][lines[0].index(column)] = value
        text = io.StringIO(newline="")
        csv.writer(text).writerows(lines)
        self.proposals.write_text(text.getvalue(), "utf-8-sig")

    def accept(self) -> list[dict[str, str]]:
        """Accept what is marked; returns the rows that the seed has more than before."""
        before = self.seed_path.read_bytes()
        accept(self.root, self.warehouse, self.proposals.parent, self.lines.append)
        after = self.seed_path.read_bytes()
        assert after.startswith(before)
        return [dict(row) for row in self.seed().rows[len(SEED_ROWS.splitlines()) :]]

    def refusal(self) -> UserError:
        """The error that accepting raises; the seed stays as it is."""
        before = self.seed_path.read_bytes()
        with pytest.raises(UserError) as raised:
            accept(self.root, self.warehouse, self.proposals.parent, self.lines.append)
        assert self.seed_path.read_bytes() == before
        return raised.value


@pytest.fixture
def project(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# what is near ------------------------------------------------------------------------------------

KNOWN = {
    "connected": "connected",
    "not connected": "no_answer",
    "担当者不在": "target_absent",
    "キーマン不在": "target_absent",
    "不在": "no_answer",
    "アポ獲得": "appointment_booked",
    "アポ取得": "appointment_booked",
    "資料送付": "information_given",
    "ヒアリング": "need_recorded",
    "展示会": "exhibition",
    "広告": "paid_ads",
    "フェイスブック": "sns",
    "interested": "need_recorded",
    "stage 1": "one",
    "受注済み": "won",
    "失注済み": "lost",
    "task.type=call": "call",
    "task.type=demonstration": "meeting",
    "event.type=call": "web_meeting",
}


@pytest.mark.parametrize(
    ("code", "target", "why"),
    [
        ("ｱﾎﾟ獲得", "appointment_booked", "is the same"),
        ("アポ 獲得", "appointment_booked", "is the same"),
        ("not-connected", "no_answer", "is the same"),
        ("conected", "connected", "is spelt"),
        ("ヒヤリング", "need_recorded", "is spelt"),
        ("キーマンが不在", "target_absent", "is spelt"),
        ("アポ獲得(web)", "appointment_booked", "is part of it"),
        ("展示会2026春", "exhibition", "is part of it"),
        ("アポ", "appointment_booked", "contains it"),
        ("task.type=ｃａｌｌ", "call", "is the same"),
        ("task.type=demonstratoin", "meeting", "is spelt"),
    ],
)
def test_a_variant_of_a_known_code_is_near(code: str, target: str, why: str) -> None:
    near = nearest(code, KNOWN)
    assert near
    assert near.target == target == KNOWN[near.code]
    assert near.why.startswith(why)


@pytest.mark.parametrize(
    "code",
    [
        "xyz",
        "",
        "uninterested",  # the opposite
        "disconnected",
        "未獲得",
        "アポ獲得ならず",
        "フェイスブック広告",  # two known codes of different meaning
        "担当者不在→資料送付",
        "task.type=mail",  # the field is none of the likeness
        "task.subtype=call",
        "stage 2",  # another number is another thing
        "受注中止",
        "済み",  # part of codes of different meaning
        "interest rates of the bank of japan",
    ],
)
def test_what_is_not_surely_a_variant_is_left_to_decide(code: str) -> None:
    assert nearest(code, KNOWN) is None


@given(st.text(), st.dictionaries(st.text(), st.sampled_from(["a", "b"]), max_size=5))
def test_a_proposal_is_always_a_known_code_and_its_target(code: str, known: dict) -> None:
    near = nearest(code, known)
    assert near is None or known[near.code] == near.target


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_edit_distance_is_a_distance(one: str, other: str, third: str) -> None:
    distance = edit_distance(one, other)
    assert distance == edit_distance(other, one)
    assert (distance == 0) == (one == other)
    assert distance <= edit_distance(one, third) + edit_distance(third, other)


# codes are data ----------------------------------------------------------------------------------


@given(st.text())
def test_no_cell_begins_like_a_formula_and_the_code_comes_back(code: str) -> None:
    cell = neutralise(code)
    assert not FORMULA_STARTS & set(cell[:1])
    assert restore(cell) == code


@given(st.text())
def test_what_is_shown_is_one_line_without_control_characters(code: str) -> None:
    text = shown(code)
    assert text.isprintable()
    assert len(text) <= 60


@given(st.text())
def test_folding_twice_is_folding_once(code: str) -> None:
    assert fold(fold(code)) == fold(code)


# characters of a code that DuckDB and a CSV can hold
CODES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(st.lists(CODES, min_size=1, max_size=5, unique=True))
def test_any_code_survives_the_file_of_proposals(
    tmp_path_factory: pytest.TempPathFactory, codes: list[str]
) -> None:
    project = Folder(tmp_path_factory.mktemp("project"))
    seed = project.seed()
    gaps = [Gap("unmapped_x", "generic", "calls", code, 1, None, None) for code in codes]
    write_proposals(project.proposals, seed, propose(seed, gaps))
    assert {key[-1] for key in read_decisions(project.proposals, seed).rows} == set(codes)
    text = project.proposals.read_bytes().decode("utf-8-sig")
    for line in csv.reader(io.StringIO(text, newline="")):
        assert not any(FORMULA_STARTS & set(cell[:1]) for cell in line)


# what the warehouse reports ----------------------------------------------------------------------


def test_a_finding_is_read_whatever_the_code_is(project: Folder) -> None:
    codes = ["a: 5 rows", "x'; drop table y", "二行\nめ", "../../etc/passwd", "=1+1"]
    project.report(*codes)
    gaps = read_gaps(project.warehouse)
    assert {gap.code for gap in gaps} == set(codes)
    assert {(gap.row_count, gap.file, gap.row) for gap in gaps} == {(3, "generic/calls.csv", 7)}


def test_what_people_wrote_in_their_own_words_is_no_code_to_be_mapped(project: Folder) -> None:
    project.report("(free text)", "謎")
    assert [gap.code for gap in read_gaps(project.warehouse)] == ["謎"]


@pytest.mark.parametrize(
    ("prepare", "what"),
    [
        (lambda path: None, "no warehouse yet"),
        (lambda path: path.write_text("x"), "cannot be opened as a DuckDB file"),
        (lambda path: duckdb.connect(str(path)).close(), "is no warehouse of this project"),
    ],
)
def test_a_warehouse_that_is_none(tmp_path: Path, prepare: Callable, what: str) -> None:
    path = tmp_path / "warehouse.duckdb"
    prepare(path)
    with pytest.raises(UserError, match=what):
        read_gaps(path)


def test_rules_of_the_registry_name_their_seeds() -> None:
    seeds, others = seeds_of_rules(PROJECT_DIR)
    assert seeds["unmapped_lead_source"] == "lead_sources"
    assert "unmapped_direction" in others
    for name in seeds.values():
        seed = read_seed(PROJECT_DIR / MAPPINGS / f"{name}.csv")
        assert seed.meanings
        # what a code means is said for each of them
        for meaning in set(seed.meanings.values()):
            assert in_both_languages(seed, meaning).strip()


# shown, written, accepted ------------------------------------------------------------------------


def test_the_rows_to_add_are_shown_with_place_count_and_meaning(project: Folder) -> None:
    project.report("担当者 不在", "謎\x1b[31m")
    show(project.root, project.warehouse, project.lines.append)
    text = "\n".join(project.lines)
    assert "seeds/mappings/outcomes.csv" in text
    (line,) = [line for line in project.lines if line.startswith("担当者 不在")]
    assert "generic/calls.csv 7" in line
    assert "target_absent (担当者不在 Target absent): 担当者不在 is the same but for" in line
    assert line.endswith("  3")
    (line,) = [line for line in project.lines if "謎" in line]
    assert "decide: no known code is near" in line
    assert "\x1b" not in text


def test_a_code_that_no_mapping_can_mend_is_shown_with_what_does(project: Folder) -> None:
    project.report("sideways", rule="unmapped_direction")
    show(project.root, project.warehouse, project.lines.append)
    assert project.lines == [
        "unmapped_direction, generic/calls: sideways, 3 rows; "
        "no mapping: Export calls.direction as outbound"
    ]


def test_nothing_to_add_is_said(project: Folder) -> None:
    project.report()
    show(project.root, project.warehouse, project.lines.append)
    write(project.root, project.warehouse, project.proposals.parent, project.lines.append)
    assert project.lines == ["未分類コードなし Every code has a mapping"] * 2
    assert not project.proposals.exists()


def test_the_file_has_the_columns_of_the_seed_and_an_empty_accept(project: Folder) -> None:
    project.report("担当者 不在")
    header, row = project.write()
    columns = SEED_HEADER.strip().split(",")
    assert header[: len(columns) + 1] == [*columns, "accept"]
    assert row[: len(columns) + 1] == ["担当者 不在", "target_absent", "", "", "", "", "", ""]


def test_an_accepted_row_gets_the_columns_that_follow_from_its_target(project: Folder) -> None:
    project.report("担当者 不在")
    project.write()
    project.enter(accept="1")
    assert project.accept() == [
        {
            "disposition_code": "担当者 不在",
            "outcome_code": "target_absent",
            "name_ja": "担当者不在",
            "name_en": "Target absent",
            "is_connected": "true",
            "valid_from": "",
            "valid_to": "",
        }
    ]
    assert project.lines[-1] == "next: make definitions, which locks them, then make build"
    # again: the same rows are there already
    assert len(project.accept()) == 1
    assert project.lines[-1] == "nothing new is marked with 1 in `accept`"


def test_what_is_not_marked_is_not_appended(project: Folder) -> None:
    project.report("担当者 不在")
    project.write()
    assert project.accept() == []


def test_a_person_may_decide_otherwise(project: Folder) -> None:
    project.report("担当者 不在")
    project.write()
    project.enter(accept="1", outcome_code="no_answer", is_connected="FALSE")
    (row,) = project.accept()
    assert (row["outcome_code"], row["is_connected"]) == ("no_answer", "false")


def test_a_code_may_change_its_meaning_on_a_day(project: Folder) -> None:
    project.report("新語")
    header, row = project.write()
    first = dict(zip(header, row, strict=True)) | {"outcome_code": "no_answer", "accept": "1"}
    second = first | {"outcome_code": "connected", "valid_from": "2026-04-01"}
    first["valid_to"] = "2026-03-31"
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, first.values(), second.values()])
    project.proposals.write_text(text.getvalue(), "utf-8")
    assert [row["valid_to"] for row in project.accept()] == ["2026-03-31", ""]


@pytest.mark.parametrize(
    "code",
    ['=cmd|"/c calc"!a0', "+81", "-", "@sum(1)", "'=1", "a,b", 'say "hi"', "二\n行", "' or 1=1 --"],
)
def test_any_code_is_appended_as_it_is_in_the_source(project: Folder, code: str) -> None:
    project.report(code)
    project.write()
    project.enter(accept="1", outcome_code="connected")
    (row,) = project.accept()
    assert row["disposition_code"] == code


def test_what_was_entered_survives_writing_again(project: Folder) -> None:
    project.report("謎", "新語")
    project.write()
    project.enter(accept="1", outcome_code="no_answer")
    before = project.write()
    project.report("謎", "新語", "三つ目", rows=9)
    after = project.write()
    accept_column = before[0].index("accept")
    kept = [row for row in after if row[accept_column] == "1"]
    assert [row[:2] for row in kept] == [before[-1][:2]]
    assert {row[0] for row in after[1:]} == {"謎", "新語", "三つ目"}
    project.report("三つ目")
    assert [row[0] for row in project.write()[1:]] == ["三つ目"]
    assert "1 accepted codes in it are not reported any more" in project.lines[-2]


def test_a_file_that_a_spreadsheet_saved_in_cp932_is_read(project: Folder) -> None:
    project.report("新語")
    project.write()
    project.enter(accept="1", outcome_code="no_answer")
    text = project.proposals.read_text("utf-8-sig")
    project.proposals.write_bytes(text.encode("cp932"))
    assert [row["disposition_code"] for row in project.accept()] == ["新語"]


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ({"outcome_code": ""}, "no known outcome_code"),
        ({"outcome_code": "sold"}, "no known outcome_code"),
        ({"is_connected": "true"}, "says of no_answer what no row of it says"),
        ({"disposition_code": "新話"}, "is not among the codes that the warehouse reports"),
        ({"disposition_code": "connected"}, "is mapped already, to something else"),
        ({"valid_from": "2026-04-01"}, "the first meaning of a code has no valid_from"),
        ({"valid_to": "someday"}, "valid_from and valid_to are dates"),
        ({"accept": "x"}, "row 1: accept is neither 1 nor empty"),
    ],
)
def test_a_row_that_must_not_be_appended(project: Folder, cells: dict, what: str) -> None:
    project.report("新語")
    project.write()
    project.enter(**{"accept": "1", "outcome_code": "no_answer"} | cells)
    error = project.refusal()
    assert error.what.startswith(what)
    assert "新語" not in str(error)


@pytest.mark.parametrize("code", ["null", "　全角空白", "two\t"])
def test_a_code_that_a_seed_cannot_hold(project: Folder, code: str) -> None:
    project.report(code)
    project.write()
    project.enter(accept="1", outcome_code="no_answer")
    assert project.refusal().what.startswith("a seed cannot hold this code")


def test_one_bad_row_keeps_the_good_ones_out_too(project: Folder) -> None:
    project.report("担当者 不在", "謎")
    project.write()
    lines = project.proposals.read_text("utf-8-sig").splitlines()
    marked = [
        line.replace(
            '"担当者 不在","target_absent","","","","","",""',
            '"担当者 不在","target_absent","","","","","","1"',
        )
        for line in lines
    ]
    assert marked != lines
    project.proposals.write_text("\n".join(marked), "utf-8")
    project.enter(accept="1")
    assert project.refusal().what == "no known outcome_code"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x81", "is neither UTF-8 nor CP932"),
        (b"", "is empty"),
        (b"a,b\n", "has no column disposition_code"),
        (b"a,b\nc\n", "row 1 has 1 cells, the header 2"),
        (b'a,b\n"c\n', "is not CSV"),
    ],
)
def test_a_file_of_proposals_that_is_none(project: Folder, content: bytes, what: str) -> None:
    project.report("新語")
    project.write()
    project.proposals.write_bytes(content)
    assert project.refusal().what.startswith(what)


def test_accepting_without_proposals(project: Folder) -> None:
    project.report("新語")
    assert project.refusal().what == "no proposals"


def test_a_cut_code_is_completed_by_hand(project: Folder) -> None:
    whole = "展示会" * 25
    project.report(whole[:60])
    assert "may be cut after 60 characters" in project.write()[1][-1]
    project.enter(accept="1", outcome_code="connected", disposition_code=whole)
    assert project.accept()[0]["disposition_code"] == whole


def test_a_seed_with_a_scope_has_a_proposal_per_system(tmp_path: Path) -> None:
    path = tmp_path / "kinds.csv"
    path.write_text("system,code,kind\nmiitel,着信,inbound\nmiitel,発信,outbound\n", "utf-8")
    seed = read_seed(path)
    gaps = [Gap("unmapped_x", each, "call", "ﾁｬｸｼﾝ着信", 2, None, None) for each in ("a", "b")]
    assert [proposal.key for proposal in propose(seed, gaps)] == [
        ("a", "ﾁｬｸｼﾝ着信"),
        ("b", "ﾁｬｸｼﾝ着信"),
    ]
    assert (seed.code_column, seed.target_column) == ("code", "kind")


def test_a_target_of_several_meanings_needs_all_its_columns(project: Folder) -> None:
    project.seed_path.write_text(
        "type_code,kind,direction,note\nphone,call,outbound,\ninbound,call,inbound,\n"
        "memo,other,,\n",
        "utf-8",
    )
    project.report("phones")
    header, row = project.write()
    assert row[: header.index("accept")] == ["phones", "call", "outbound", ""]
    project.enter(accept="1", direction="")
    assert project.refusal().what == "call leaves open what the code means"
    project.enter(direction="both")
    assert project.refusal().what == "says of call what no row of it says"
    project.enter(direction="inbound")
    accept(project.root, project.warehouse, project.proposals.parent, project.lines.append)
    assert project.seed_path.read_text("utf-8").endswith("\nphones,call,inbound,\n")


@given(st.lists(st.tuples(st.dates(), st.dates()), min_size=1, max_size=4))
def test_rows_without_an_open_beginning_and_end_are_refused(spans: list[tuple]) -> None:
    rows = [{"valid_from": str(first), "valid_to": str(last)} for first, last in spans]
    assert timeline_problem(rows)


def test_csv_rows_fit_their_header() -> None:
    columns, rows = read_rows('a,b\r\n"1\n2",3\r\n\r\n', Path("x"))
    assert (columns, rows) == (("a", "b"), [{"a": "1\n2", "b": "3"}])
