"""Damaged files through landing, one by one, in child processes that may not hang or crash."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import duckdb

from kpi_warehouse.errors import UserError
from kpi_warehouse.fuzz.cases import Case, make_case
from kpi_warehouse.fuzz.corpus import PRIVATE, Source, clean_table, read_sources
from kpi_warehouse.landing import ObjectLayout, land, read_layouts
from kpi_warehouse.landing.readers import literal_glob
from kpi_warehouse.pipeline import STAGING_DIR

# A file of a few kilobytes, or a megabyte, lands in well under a second.
SECONDS_PER_FILE = 30
_COMPANION = "companion"
# importing the project, on a machine that is busy
_SECONDS_TO_START = 120

Land = Callable[[Path, Path, Sequence[ObjectLayout], Callable[[str], None]], object]
Serve = Callable[[Connection, Path, int], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one case: its fate, and each way in which landing did not keep its word."""

    number: int
    fate: str
    problems: tuple[str, ...] = ()


class LandingTrial:
    """A folder in which one case after the other is landed beside a whole file."""

    def __init__(self, folder: Path, sources: Sequence[Source], land: Land = land) -> None:
        self._land = land
        self._layouts = read_layouts(STAGING_DIR)
        self._folder = folder
        self._sources = sources
        self._extracts = folder / "extracts"
        self._landing = folder / "landing"
        shutil.rmtree(folder, ignore_errors=True)

    def run(self, case: Case) -> Outcome:
        """Land the case and say what came of it."""
        for path in self._folder.glob("*"):
            if path != self._landing:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        companion = self._write_companion(case)
        case.write_to(self._extracts)
        before = self._files_outside()
        lines: list[str] = []
        problems: list[str] = []
        try:
            self._land(self._extracts, self._landing, self._layouts, lines.append)
        except UserError as error:
            lines.append(str(error))
            problems.append("landing stopped, although another file is whole")
        except Exception:  # whatever it is, it is the finding
            problems.append(f"traceback: {traceback.format_exc()}")
        problems += _message_problems(lines)
        if self._files_outside() != before:
            problems.append("a file was written outside of the landing folder")
        if problems:
            return Outcome(case.number, "stopped", tuple(problems))
        fate, found = self._account(case, companion)
        return Outcome(case.number, fate, tuple(found))

    def _write_companion(self, case: Case) -> str:
        """A whole file of another object, which has to land whatever the case is."""
        source = next(
            each
            for each in self._sources
            if each.system == "generic" and each.name != case.source.name and len(each.key) == 1
        )
        table = clean_table(source, Random(0))
        lines = [",".join(table.header)]
        lines += [
            ",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row)
            for row in table.rows
        ]
        path = self._extracts / source.system / f"{source.name}_{_COMPANION}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return f"{source.system}/{path.name}"

    def _files_outside(self) -> set[Path]:
        return {
            path
            for path in self._folder.rglob("*")
            if path.is_file() and self._landing not in path.parents
        }

    def _account(self, case: Case, companion: str) -> tuple[str, list[str]]:
        """Hold landing's own account against itself, the landed rows, and the case."""
        problems = []
        with duckdb.connect() as connection:
            files = _rows(
                connection,
                self._landing / "_files",
                "file_name, status, refusal_rule, record_count, row_count",
            )
            by_name = {row["file_name"]: row for row in files}
            if by_name.get(companion, {}).get("status") != "landed":
                problems.append("the whole file beside it did not land")
            names = [name for name in by_name if name != companion]
            if not names:
                return "unknown", problems
            # a name that cannot be printed may be shown otherwise, but as one file and on one line
            (name, *others) = names
            entry = by_name[name]
            if others or not name.isprintable() or not name.startswith(case.stem):
                problems.append("the account names a file that is not there")
            landed_dir = self._landing / case.source.system / case.source.name
            landed = _rows(
                connection,
                landed_dir,
                "_file_name, _row_number, " + ", ".join(f'"{name}"' for name in case.source.key),
            )
            findings = _rows(
                connection,
                self._landing / "_row_findings",
                "file_name, row_number, column_name, rule, fate, row_count",
                nested=True,
            )
        mine = [row for row in findings if row["file_name"] == name]
        known_columns = {column.name for column in case.source.columns}
        for finding in mine:
            if finding["column_name"] and not _is_a_name(finding["column_name"], known_columns):
                problems.append("a finding names what is no column of the layout")
        problems += [
            "a finding shows a value"
            for finding in mine
            if PRIVATE.lower() in str(finding).lower().replace(name.lower(), "")
        ]
        if entry["status"] == "refused":
            if not entry["refusal_rule"]:
                problems.append("refused without a rule")
            if landed:
                problems.append("refused, and rows of it are landed")
            if case.keys:
                problems.append(f"a whole file was refused: {entry['refusal_rule']}")
            return f"refused: {entry['refusal_rule']}", problems
        problems += _balance_problems(case, entry, landed, mine)
        return "landed", problems


def _balance_problems(
    case: Case, entry: dict, landed: list[dict], findings: list[dict]
) -> Iterator[str]:
    rejected = sum(row["row_count"] for row in findings if row["fate"] == "rejected")
    excluded = sum(row["row_count"] for row in findings if row["fate"] == "excluded")
    if entry["row_count"] != len(landed):
        yield f"row_count {entry['row_count']}, landed {len(landed)}"
    if any(row["_file_name"] != entry["file_name"] for row in landed):
        yield "a landed row names another file"
    if len({row["_row_number"] for row in landed}) != len(landed):
        yield "two landed rows have one number"
    if entry["record_count"] != len(landed) + rejected + excluded:
        yield (
            f"record_count {entry['record_count']} is not {len(landed)} landed + {rejected} "
            f"rejected + {excluded} excluded"
        )
    if case.record_count is not None and entry["record_count"] != case.record_count:
        yield f"record_count {entry['record_count']}, the file has {case.record_count}"
    if case.keys is not None:
        found = sorted(tuple(row[name] or "" for name in case.source.key) for row in landed)
        if len(found) != len(case.keys):
            yield f"a whole file of {len(case.keys)} rows landed {len(found)}"
        elif not _same_keys(found, case):
            yield "a whole file landed other keys"


def _same_keys(found: list[tuple], case: Case) -> bool:
    """Whether the keys that are ids are landed as they were; dates may be written otherwise."""
    ids = [
        place
        for place, name in enumerate(case.source.key)
        if next(each for each in case.source.columns if each.name == name).data_type
        in ("text", "salesforce_id")
    ]
    wanted = sorted(tuple(key[place] for place in ids) for key in case.keys or ())
    return sorted(tuple(key[place] for place in ids) for key in found) == wanted


class _Child:
    """A process that lands cases, and the pipe to it."""

    def __init__(self, serve: Serve, folder: Path, seed: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, folder, seed), daemon=True)
        self._process.start()
        theirs.close()
        self._answer(_SECONDS_TO_START)

    def land(self, number: int, seconds: float) -> Outcome | None:
        """The outcome of a case; None if there is none in time. Raises EOFError on a crash."""
        self._pipe.send(number)
        return self._answer(seconds)

    def end(self) -> None:
        """End the process, whatever it does."""
        self._pipe.close()
        self._process.kill()
        self._process.join()

    def _answer(self, seconds: float) -> Outcome | None:
        return self._pipe.recv() if self._pipe.poll(seconds) else None


def run_cases(
    folder: Path,
    seed: int,
    numbers: Iterable[int],
    seconds_per_file: float = SECONDS_PER_FILE,
    serve: Serve | None = None,
) -> Iterator[Outcome]:
    """Land each case in a child process, which is replaced when it hangs or crashes."""
    child: _Child | None = None
    try:
        for number in numbers:
            child = child or _Child(serve or serve_landing, folder, seed)
            try:
                outcome = child.land(number, seconds_per_file)
                fate = "hang"
            except EOFError:
                outcome, fate = None, "crash"
            if not outcome:
                child.end()
                child = None
                outcome = Outcome(number, fate, (f"{fate} within {seconds_per_file:.0f} s",))
            yield outcome
    finally:
        if child:
            child.end()


def serve_landing(pipe: Connection, folder: Path, seed: int) -> None:
    """Land the cases whose numbers come through the pipe, until it is closed."""
    sources = read_sources(STAGING_DIR)
    trial = LandingTrial(folder / "trial", sources)
    # what is written by a relative path shows beside the extracts
    (folder / "trial").mkdir(parents=True, exist_ok=True)
    os.chdir(folder / "trial")
    serve_trial(pipe, lambda number: trial.run(make_case(sources, seed, number)))


def serve_trial(pipe: Connection, trial: Callable[[int], Outcome]) -> None:
    """Say that one is ready, then answer each number with its outcome."""
    pipe.send(None)
    while True:
        try:
            number = pipe.recv()
        except EOFError:
            return
        pipe.send(trial(number))


def _message_problems(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        # the file's name may be shown, and is made safe like anything else
        if PRIVATE.lower() in line.lower():
            yield "a message shows a value"
        if not line.isprintable():
            yield "a message holds a control character or a line end"


def _is_a_name(name: str, known: set[str]) -> bool:
    return set(name.split()) <= known


def _rows(
    connection: duckdb.DuckDBPyConnection, folder: Path, columns: str, nested: bool = False
) -> list[dict]:
    pattern = "**/*.parquet" if nested else "*.parquet"
    paths = [literal_glob(path) for path in folder.glob(pattern)]
    if not paths:
        return []
    result = connection.execute(
        f"select {columns} from read_parquet($paths, union_by_name = true, "
        "hive_partitioning = false)",
        {"paths": paths},
    )
    names = [each[0] for each in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
