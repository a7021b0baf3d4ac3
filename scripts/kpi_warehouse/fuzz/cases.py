"""One damaged file per seed and number: the same ones make the same file, on any machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from kpi_warehouse.fuzz.corpus import ROWS, Source, clean_table
from kpi_warehouse.fuzz.damages import (
    BYTE_DAMAGES,
    NAME_PARTS,
    TABLE_DAMAGES,
    Draft,
    choose_form,
    without_rows,
    written,
)

# The longest name that the file systems in use allow, in bytes.
_LONGEST_NAME = 255
_OTHER_SUFFIXES = (".csv", ".jsonl", ".parquet", ".csv.gz", ".CSV", ".tsv", ".txt", ".xlsx", "")


@dataclass(frozen=True)
class Case:
    """A damaged file, what was done to it, and what is known of it for certain.

    `record_count`: records after the header, None if a reader may see it otherwise.
    `keys`: the key values of a file that is written unusually and not damaged at all.
    """

    seed: int
    number: int
    source: Source
    file_name: str
    content: bytes
    recipe: tuple[str, ...]
    record_count: int | None
    keys: tuple[tuple[str, ...], ...] | None

    @property
    def stem(self) -> str:
        """How the file's name begins, relative to the extracts."""
        return f"{self.source.system}/{self.source.name}-{self.number}"

    def write_to(self, extracts: Path) -> Path:
        """Put the file into a folder of extracts."""
        path = extracts / self.source.system / self.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)
        return path

    def keep(self, folder: Path, problems: Sequence[str]) -> Path:
        """Write the file, how it was made and what went wrong into a folder of its own."""
        target = folder / f"{self.seed}-{self.number}"
        target.mkdir(parents=True, exist_ok=True)
        (target / "content").write_bytes(self.content)
        note = {
            "seed": self.seed,
            "number": self.number,
            "again": f"scripts/fuzz.py --seed {self.seed} --case {self.number}",
            "file": f"{self.source.system}/{self.file_name}",
            "recipe": self.recipe,
            "problems": list(problems),
        }
        (target / "case.json").write_text(
            json.dumps(note, ensure_ascii=True, indent=1) + "\n", "utf-8"
        )
        return target


def make_case(sources: Sequence[Source], seed: int, number: int) -> Case:
    """The damaged file of this seed and number."""
    # a text, as tuples are hashed otherwise from run to run
    random = Random(f"{seed}/{number}")
    source = random.choice(sources)
    draft = Draft(source, clean_table(source, random, first=number * ROWS * 2))
    draft.recipe.append(choose_form(draft, random))
    if source.system == "sendgrid" and draft.form == "csv" and random.random() < 0.7:
        draft.form = "jsonl"
        draft.recipe[-1] = draft.suffix
    if random.random() < 0.02:
        draft.recipe.append(without_rows(draft, random))
    for _ in range(random.choice([0, 0, 1, 1, 1, 2, 3])):
        if draft.table.rows and draft.table.header:
            draft.recipe.append(random.choice(TABLE_DAMAGES)(draft, random))
    content = written(draft, random)
    is_whole = draft.encoding != "mixed" and not _ends_are_mixed(draft)
    record_count = len(draft.table.rows) + len(draft.raw_lines) if is_whole else None
    is_harmless = draft.is_harmless

    for _ in range(random.choice([0, 0, 0, 1, 1, 2])):
        content, told = random.choice(BYTE_DAMAGES)(content, random)
        draft.recipe.append(told)
        record_count, is_harmless = None, False
    suffix = draft.suffix
    if random.random() < 0.04:
        suffix = random.choice(_OTHER_SUFFIXES)
        draft.recipe.append(f"named {suffix!r}")
        record_count, is_harmless = None, False
    part = random.choice(NAME_PARTS) if random.random() < 0.15 else ""
    file_name = _cut(f"{source.name}-{number}", part, suffix)
    return Case(
        seed,
        number,
        source,
        file_name,
        content,
        tuple(draft.recipe),
        record_count,
        _keys(draft) if is_harmless else None,
    )


def _keys(draft: Draft) -> tuple[tuple[str, ...], ...]:
    """The key values of each row, as they were meant."""
    names = ["".join(each.split()).replace("_", "").casefold() for each in draft.table.header]
    places = [names.index(key.replace("_", "")) for key in draft.source.key]
    return tuple(tuple(row[place] for place in places) for row in draft.table.rows)


def _ends_are_mixed(draft: Draft) -> bool:
    """Whether a line end in a cell may be taken for one of a record, or a blank line for none."""
    if draft.form == "jsonl":
        return False
    cells = [cell for row in draft.table.rows for cell in row]
    return draft.form == "csv" and (
        any("\r" in cell or "\n" in cell for cell in cells)
        or any(not any(row) for row in draft.table.rows)
    )


def _cut(stem: str, part: str, suffix: str) -> str:
    """A file name, its middle cut to what a file system allows."""
    room = _LONGEST_NAME - len((stem + suffix).encode())
    middle = part.encode()[:room].decode(errors="ignore")
    return f"{stem}{middle}{suffix}"
