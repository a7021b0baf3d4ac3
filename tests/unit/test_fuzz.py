"""The fuzzer makes what it says, and sees what a landing or a build does wrong."""

from __future__ import annotations

import csv
import io
import os
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kpi_warehouse.errors import UserError
from kpi_warehouse.fuzz.build_run import Done
from kpi_warehouse.fuzz.cases import Case, make_case
from kpi_warehouse.fuzz.corpus import PRIVATE, Source, read_sources
from kpi_warehouse.fuzz.damages import BYTE_DAMAGES, TABLE_DAMAGES
from kpi_warehouse.fuzz.landing_run import LandingTrial, Outcome, run_cases, serve_trial
from kpi_warehouse.landing import read_layouts
from kpi_warehouse.pipeline import STAGING_DIR

CASES = 400


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return read_sources(STAGING_DIR)


@pytest.fixture(scope="module")
def cases(sources: list[Source]) -> list[Case]:
    return [make_case(sources, 1, number) for number in range(CASES)]


# what is made ------------------------------------------------------------------------------------


def test_a_seed_and_a_number_make_the_same_file(sources: list[Source], cases: list[Case]) -> None:
    assert [make_case(sources, 1, number) for number in range(40)] == cases[:40]
    others = [make_case(sources, 2, number).content for number in range(40)]
    assert others != [case.content for case in cases[:40]]


def test_every_object_that_landing_knows_is_damaged(
    sources: list[Source], cases: list[Case]
) -> None:
    layouts = {(layout.system, layout.name) for layout in read_layouts(STAGING_DIR)}
    assert {(source.system, source.name) for source in sources} == layouts
    assert {(case.source.system, case.source.name) for case in cases} == layouts


def test_every_rule_is_used(sources: list[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[str] = set()

    def watched(rule: Callable) -> Callable:
        def called(*arguments: object) -> object:
            used.add(rule.__name__)
            return rule(*arguments)

        return called

    module = "kpi_warehouse.fuzz.cases"
    monkeypatch.setattr(f"{module}.TABLE_DAMAGES", tuple(map(watched, TABLE_DAMAGES)))
    monkeypatch.setattr(f"{module}.BYTE_DAMAGES", tuple(map(watched, BYTE_DAMAGES)))
    for number in range(CASES):
        make_case(sources, 1, number)
    assert used == {rule.__name__ for rule in (*TABLE_DAMAGES, *BYTE_DAMAGES)}


def test_file_names_are_possible(cases: list[Case]) -> None:
    for case in cases:
        assert len(os.fsencode(case.file_name)) <= 255
        assert "/" not in case.file_name
        assert "\0" not in case.file_name


def test_what_is_known_of_a_whole_csv_is_true(cases: list[Case]) -> None:
    seen = 0
    for case in cases:
        if case.keys is None or not case.file_name.endswith(".csv"):
            continue
        encoding = "utf-16" if case.content[:2] == b"\xff\xfe" else "utf-8-sig"
        try:
            text = case.content.decode(encoding)
        except UnicodeDecodeError:
            text = case.content.decode("cp932")
        delimiter = max(",;\t", key=text.splitlines()[0].count)
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        assert len(rows) == case.record_count == len(case.keys)
        assert {len(row) for row in rows} <= {len(header)}
        seen += 1
    assert seen > 5


def test_private_values_are_in_the_files(cases: list[Case]) -> None:
    assert sum(PRIVATE.encode() in case.content for case in cases) > CASES / 5


def test_a_case_is_kept_with_how_it_was_made(cases: list[Case], tmp_path: Path) -> None:
    kept = cases[3].keep(tmp_path, ["it went wrong"])
    assert (kept / "content").read_bytes() == cases[3].content
    note = (kept / "case.json").read_text("utf-8")
    assert "scripts/fuzz.py --seed 1 --case 3" in note
    assert "it went wrong" in note


# what is seen ------------------------------------------------------------------------------------


class FakeLanding:
    """A landing of plain CSV that keeps an account, and can be told to do one thing wrong."""

    def __init__(self, wrong: str = "") -> None:
        self.wrong = wrong

    def __call__(
        self, extracts: Path, landing: Path, layouts: Sequence, say: Callable[[str], None]
    ) -> None:
        if self.wrong == "stops":
            raise UserError("cannot be read", "a file", "mend it")
        if self.wrong == "raises":
            raise ValueError("something")
        if self.wrong == "writes outside":
            (extracts / "escape.csv").write_text("x")
        files, findings = [], []
        for path in sorted(extracts.rglob("*.csv*")):
            name = path.relative_to(extracts).as_posix()
            is_case = "companion" not in name
            layout = next(
                each
                for each in sorted(layouts, key=lambda each: -len(each.name))
                if each.system == path.parent.name and path.name.startswith(each.name)
            )
            rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline="")))
            count = len(rows)
            if is_case:
                if self.wrong == "loses a row":
                    rows.pop()
                if self.wrong == "loses a row and does not count it":
                    rows.pop()
                    count -= 1
                if self.wrong == "lands other ids":
                    rows = [{key: f"x{value}" for key, value in row.items()} for row in rows]
                if self.wrong == "rejects a row without need":
                    rows.pop()
                    findings.append((name, 12, None, "ragged_row", "rejected", 1))
                if self.wrong == "a finding shows a value":
                    findings.append((name, 1, None, f"holds {PRIVATE}", None, 1))
                if self.wrong == "a finding names no column":
                    findings.append((name, 1, "drop table", "unreadable_value", None, 1))
            is_refused = is_case and self.wrong == "refuses"
            self._write(landing / layout.system / layout.name / "x.parquet", name, rows, layout)
            if is_refused:
                (landing / layout.system / layout.name / "x.parquet").unlink()
            rule = "not_understood" if is_refused else None
            status = "refused" if is_refused else "landed"
            files.append((name, status, rule, None if is_refused else count, len(rows)))
            say(f"  read {name}: {count} rows")
        if self.wrong == "shows a value":
            say(f"warning: {PRIVATE} is odd")
        if self.wrong == "shows a control character":
            say("warning: \x1b[31m")
        if self.wrong == "forgets the companion":
            files = [each for each in files if "companion" not in each[0]]
        names = ("file_name", "status", "refusal_rule", "record_count", "row_count")
        self._table(landing / "_files" / "files.parquet", names, files)
        names = ("file_name", "row_number", "column_name", "rule", "fate", "row_count")
        self._table(landing / "_row_findings" / "x.parquet", names, findings)

    def _write(self, path: Path, name: str, rows: list[dict], layout: object) -> None:
        columns = {
            column: pa.array([row.get(column) for row in rows], pa.string())
            for column in layout.columns
        }
        columns["_file_name"] = pa.array([name] * len(rows), pa.string())
        columns["_row_number"] = pa.array(range(1, len(rows) + 1), pa.int64())
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)

    def _table(self, path: Path, names: Sequence[str], rows: list[tuple]) -> None:
        types = {"record_count": pa.int64(), "row_count": pa.int64(), "row_number": pa.int64()}
        columns = zip(*rows, strict=True) if rows else [[] for _ in names]
        table = {
            name: pa.array(list(column), types.get(name, pa.string()))
            for name, column in zip(names, columns, strict=True)
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table), path)


@pytest.fixture(scope="module")
def whole_case(sources: list[Source]) -> Case:
    """A plain CSV without any damage."""
    plain = "delimiter ',', line end '\\n'"
    return next(
        case
        for number in range(5_000)
        if (case := make_case(sources, 1, number)).keys
        and len(case.recipe) == 1
        and f"in utf-8, {plain}" in case.recipe[0]
        and case.file_name.endswith(".csv")
        and case.source.system == "generic"
        and len(case.source.key) == 1
    )


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("stops", "landing stopped"),
        ("raises", "traceback"),
        ("writes outside", "a file was written outside"),
        ("loses a row", "record_count 12 is not 11 landed"),
        ("loses a row and does not count it", "record_count 11, the file has 12"),
        ("lands other ids", "a whole file landed other keys"),
        ("rejects a row without need", "a whole file of 12 rows landed 11"),
        ("a finding shows a value", "a finding shows a value"),
        ("a finding names no column", "a finding names what is no column"),
        ("refuses", "a whole file was refused: not_understood"),
        ("shows a value", "a message shows a value"),
        ("shows a control character", "a message holds a control character"),
        ("forgets the companion", "the whole file beside it did not land"),
    ],
)
def test_a_landing_that_does_wrong_is_seen(
    sources: list[Source], whole_case: Case, tmp_path: Path, wrong: str, problem: str
) -> None:
    outcome = LandingTrial(tmp_path / "trial", sources, FakeLanding(wrong)).run(whole_case)
    assert any(each.startswith(problem) for each in outcome.problems), outcome


def test_a_landing_that_does_right_is_left_in_peace(
    sources: list[Source], whole_case: Case, tmp_path: Path
) -> None:
    outcome = LandingTrial(tmp_path / "trial", sources, FakeLanding()).run(whole_case)
    assert outcome == Outcome(whole_case.number, "landed")


def _serve_badly(pipe: Connection, folder: Path, seed: int) -> None:
    def trial(number: int) -> Outcome:
        if number == 1:
            time.sleep(600)
        if number == 2:
            os._exit(11)
        return Outcome(number, "landed")

    serve_trial(pipe, trial)


def test_a_hang_and_a_crash_end_only_their_own_case(tmp_path: Path) -> None:
    outcomes = run_cases(tmp_path, 1, range(4), seconds_per_file=5, serve=_serve_badly)
    assert [outcome.fate for outcome in outcomes] == ["landed", "hang", "crash", "landed"]


@pytest.mark.parametrize(
    ("code", "text", "problems"),
    [
        (0, "done", []),
        (2, "error: a line", []),
        (3, "", ["exit code 3"]),
        (-11, "", ["exit code -11"]),
        (1, f"found {PRIVATE}", ["a message shows a value"]),
        (0, f"  {PRIVATE}: 1 rows → Add the code to seeds/mappings/departments.csv", []),
        (
            1,
            "Traceback (most recent call last)",
            ["a traceback: Traceback (most recent call last)"],
        ),
    ],
)
def test_a_command_that_ends_badly_is_seen(code: int, text: str, problems: list[str]) -> None:
    assert list(Done(code, text).problems) == problems
