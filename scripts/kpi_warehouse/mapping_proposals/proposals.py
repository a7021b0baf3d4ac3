"""The rows to add to one seed, as a CSV file in which a person decides.

The file has the seed's columns in their order, then `accept`, then what helps to decide. It is
for a spreadsheet: UTF-8 with a byte order mark, every cell quoted, no cell a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.manifest import replacing
from kpi_warehouse.mapping_proposals.gaps import CODE_LENGTH, Gap
from kpi_warehouse.mapping_proposals.nearest import Near, nearest
from kpi_warehouse.mapping_proposals.seeds import Meaning, Seed, read_rows, timeline_problem
from kpi_warehouse.spreadsheet_text import neutralise, restore

ACCEPT = "accept"
_HELP = ("found_in", "row_count", "example_file", "example_row", "proposal")
_YES = "1"
DECIDE = "decide"
# Seeds are loaded with this text as NULL, in any case.
_NO_CODE = "null"


@dataclass(frozen=True)
class Proposal:
    """One code of one seed: where it was found, and what it most likely means."""

    key: tuple[str, ...]
    gaps: tuple[Gap, ...]
    near: Near | None

    @property
    def code(self) -> str:
        """The code as the warehouse compares it."""
        return self.key[-1]

    @property
    def row_count(self) -> int:
        """Rows with the code, in all systems and objects."""
        return sum(gap.row_count for gap in self.gaps)

    @property
    def found_in(self) -> str:
        """The systems and objects that have it."""
        return ", ".join(sorted({f"{gap.system}/{gap.object}" for gap in self.gaps}))

    @property
    def example(self) -> tuple[str, str]:
        """File and row of one occurrence; empty where the finding does not tell."""
        gap = next((gap for gap in self.gaps if gap.file), None)
        return (gap.file or "", "" if gap.row is None else str(gap.row)) if gap else ("", "")

    def in_words(self, seed: Seed) -> str:
        """The target with its meaning and the reason, or that somebody has to decide."""
        cut = f"; may be cut after {CODE_LENGTH} characters" if self.gaps[0].may_be_cut else ""
        if not self.near:
            return f"{DECIDE}: no known code is near{cut}"
        target, *_ = self.near.target
        return (
            f"{target} ({in_both_languages(seed, self.near.target)}): "
            f"{self.near.code} {self.near.why}{cut}"
        )


@dataclass(frozen=True)
class Decisions:
    """What a proposals file says: rows that are accepted, and those still open, by their key."""

    rows: Mapping[tuple[str, ...], list[dict[str, str]]] = field(default_factory=dict)

    @property
    def accepted(self) -> dict[tuple[str, ...], list[dict[str, str]]]:
        """The rows marked to be appended."""
        marked = {
            key: [row for row in rows if row[ACCEPT] == _YES] for key, rows in self.rows.items()
        }
        return {key: rows for key, rows in marked.items() if rows}


def propose(seed: Seed, gaps: Iterable[Gap]) -> list[Proposal]:
    """One proposal per code, the most frequent first."""
    found: dict[tuple[str, ...], list[Gap]] = {}
    for gap in gaps:
        scope = {"system": gap.system, "object": gap.object}
        key = (*(scope[column] for column in seed.scope), gap.code)
        found.setdefault(key, []).append(gap)
    proposals = [
        Proposal(key, tuple(each), nearest(key[-1], seed.meanings)) for key, each in found.items()
    ]
    return sorted(proposals, key=lambda each: (-each.row_count, each.key))


def in_both_languages(seed: Seed, meaning: Meaning) -> str:
    """A meaning in Japanese and English: its names, or where it has none a code that has it."""
    names = dict(zip(seed.meaning_columns, meaning, strict=True))
    if "name_ja" in names:
        return f"{names['name_ja']} {names['name_en']}"
    target = meaning[0]
    if target in seed.more_targets:
        return " ".join(seed.more_targets[target])
    japanese = [
        code for code, each in seed.meanings.items() if each == meaning and not code.isascii()
    ]
    return " ".join([*japanese[:1], target.replace("_", " ")])


def write_proposals(path: Path, seed: Seed, proposals: Sequence[Proposal]) -> int:
    """Write the file; what a person has entered in one that is there is kept.

    Returns how many decisions were dropped because their code is not reported any more.
    """
    before = read_decisions(path, seed).rows if path.exists() else {}
    rows = []
    for proposal in proposals:
        scope = dict(zip(seed.scope, proposal.key, strict=False))
        fresh = dict.fromkeys([*seed.columns, ACCEPT], "") | scope
        fresh[seed.code_column] = proposal.code
        if proposal.near:
            fresh |= _proposed(seed, proposal.near.target)
        entered = [row for row in before.get(proposal.key, []) if _is_entered(row, seed)]
        example_file, example_row = proposal.example
        cells = (
            proposal.found_in,
            str(proposal.row_count),
            example_file,
            example_row,
            proposal.in_words(seed),
        )
        rows += [[*row.values(), *cells] for row in (entered or [fresh])]
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([*seed.columns, ACCEPT, *_HELP])
    writer.writerows([map(neutralise, row) for row in rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        # a lone surrogate cannot come out of DuckDB, whose texts are UTF-8
        partial.write_bytes(text.getvalue().encode("utf-8-sig"))
    kept = {proposal.key for proposal in proposals} | {seed.key(row) for row in seed.rows}
    return sum(
        row[ACCEPT] == _YES for key, each in before.items() if key not in kept for row in each
    )


def read_decisions(path: Path, seed: Seed) -> Decisions:
    """What stands in a proposals file, the true codes restored.

    A spreadsheet may have saved it in CP932. Raises UserError if it is not such a file.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp932")
        except UnicodeDecodeError as error:
            raise UserError("is neither UTF-8 nor CP932", path, "save it as CSV UTF-8") from error
    columns, lines = read_rows(text, path)
    wanted = (*seed.columns, ACCEPT)
    if missing := [column for column in wanted if column not in columns]:
        raise UserError(
            f"has no column {', '.join(missing)}", path, "remove it and run make mappings WRITE=1"
        )
    rows: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for number, line in enumerate(lines, start=1):
        row = {column: restore(line[column]) for column in wanted}
        # what a person types in carries blanks; the code is data, and compared as it is
        row |= {name: row[name].strip() for name in wanted if name != seed.code_column}
        if row[ACCEPT] not in ("", _YES):
            raise UserError(f"row {number}: accept is neither 1 nor empty", path, "mend it")
        rows.setdefault(seed.key(row), []).append(row)
    return Decisions(rows)


def rows_to_append(
    path: Path, seed: Seed, decisions: Decisions, gaps: Iterable[Gap]
) -> list[dict[str, str]]:
    """The accepted rows that the seed does not have yet, with the columns that follow filled in.

    Raises UserError for the first that must not be appended: a code that the warehouse does not
    report, is mapped already to something else, or cannot be a row of a seed; an unknown target;
    values that are not the target's; days with two meanings.
    """
    reported = {proposal.key: proposal for proposal in propose(seed, gaps)}
    there: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in seed.rows:
        there.setdefault(seed.key(row), []).append(row)
    found = []
    for number, (key, rows) in enumerate(decisions.accepted.items(), start=1):
        where = f"{path}, accepted code {number}"
        filled = [_filled(row, seed, where) for row in rows]
        if key in there:
            if _meanings(filled, seed) != _meanings(there[key], seed):
                raise UserError(
                    "is mapped already, to something else",
                    where,
                    f"see docs/guides/change-a-definition.md, or clear {ACCEPT}",
                )
            continue
        if not _is_reported(key, reported):
            raise UserError(
                "is not among the codes that the warehouse reports",
                where,
                "run make mappings WRITE=1 again, and leave the code as it is written there",
            )
        code = key[-1]
        if code != code.strip().lower() or code == _NO_CODE:
            raise UserError(
                "a seed cannot hold this code (blanks around it, capitals, or null)",
                where,
                "mend it in the source",
            )
        if problem := timeline_problem(filled):
            raise UserError(problem, where, "mend the rows of this code")
        found += filled
    return found


def _proposed(seed: Seed, meaning: Meaning) -> dict[str, str]:
    """The cells of a proposal: what follows from the target is left out."""
    cells = dict(zip(seed.meaning_columns, meaning, strict=True))
    if len(seed.known_meanings(meaning[0])) == 1:
        return {seed.target_column: meaning[0]}
    return cells


def _filled(row: Mapping[str, str], seed: Seed, where: str) -> dict[str, str]:
    """The row with the columns that follow from its target, where the person left them empty."""
    target = row[seed.target_column]
    if target not in seed.known_targets:
        raise UserError(
            f"no known {seed.target_column}",
            where,
            f"one of {', '.join(sorted(seed.known_targets))}",
        )
    # a channel without a code yet: nothing but the target says what it means
    known = seed.known_meanings(target) or [(target,)]
    given = tuple(cell.lower() for cell in seed.meaning_of(row))
    exact = [meaning for meaning in known if _folded(meaning) == given]
    fitting = exact or [
        meaning
        for meaning in known
        if all(cell in ("", value) for cell, value in zip(given, _folded(meaning), strict=True))
    ]
    if not fitting:
        raise UserError(
            f"says of {target} what no row of it says", where, "leave empty what follows from it"
        )
    if len(fitting) > 1:
        raise UserError(
            f"{target} leaves open what the code means",
            where,
            f"fill in {', '.join(seed.meaning_columns[1:])}, as another row of it has them",
        )
    cells = {column: row[column] for column in seed.columns}
    return cells | dict(zip(seed.meaning_columns, fitting[0], strict=True))


def _folded(meaning: Meaning) -> Meaning:
    return tuple(cell.lower() for cell in meaning)


def _meanings(rows: Sequence[Mapping[str, str]], seed: Seed) -> set[tuple[str, ...]]:
    columns = [name for name in seed.columns if name.startswith("valid_")]
    return {(*seed.meaning_of(row), *(row[column] for column in columns)) for row in rows}


def _is_reported(key: tuple[str, ...], reported: Mapping[tuple[str, ...], Proposal]) -> bool:
    """Whether the warehouse reports the code, or the first part of one that it cuts."""
    if key in reported:
        return True
    cut = reported.get((*key[:-1], key[-1][:CODE_LENGTH]))
    return bool(cut and cut.gaps[0].may_be_cut)


def _is_entered(row: Mapping[str, str], seed: Seed) -> bool:
    return bool(row[ACCEPT] or row[seed.target_column])
