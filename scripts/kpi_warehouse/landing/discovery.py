"""Which files of the extracts folder belong to which object."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.interface import ObjectLayout
from kpi_warehouse.landing.readers import FORMATS, FileFormat

# Our own layouts: their files are `<object>*`, whatever words follow after a separator. A native
# system has further objects of longer names (opportunity_line_item), so that words decide there.
_OPEN_SYSTEMS = {"generic", "planning"}
# Words that may follow an object's name without naming another object.
_TAIL = re.compile(
    r"s?(?:data|export|report|extract|データ|エクスポート|レポート|一覧)*s?(?![^\W\d_])"
)
# Text files of other suffixes are extracts only in the folder of a known system.
_COMMON_SUFFIXES = (".txt", ".txt.gz")


@dataclass(frozen=True)
class SourceFile:
    """One file of the extracts: what it holds and how it is read."""

    path: Path
    layout: ObjectLayout
    format: FileFormat

    @cached_property
    def name(self) -> str:
        """Path relative to the extracts folder: `<system>/<file>`, always printable."""
        return f"{self.layout.system}/{printable_name(self.path.name)}"


def find_files(
    extracts_dir: Path, layouts: Iterable[ObjectLayout]
) -> tuple[list[SourceFile], list[str]]:
    """The files to land, by name, and the names of those that belong to no known object.

    Raises UserError if the folder is missing or holds no file of a known object.
    """
    if not extracts_dir.is_dir():
        raise UserError(
            "no such folder",
            extracts_dir,
            "set EXTRACTS_DIR to the folder that holds one folder per source system",
        )
    layouts_by_system: dict[str, list[ObjectLayout]] = {}
    for layout in layouts:
        layouts_by_system.setdefault(layout.system, []).append(layout)

    files, unknown = [], []
    for path in _visible_files(extracts_dir):
        system = path.parent.name if path.parent != extracts_dir else ""
        name = printable_name(path.name)
        file_format = format_of(name)
        layout = object_of(name, layouts_by_system.get(system, []))
        if file_format and layout:
            files.append(SourceFile(path, layout, file_format))
        elif system in layouts_by_system or (
            file_format and not name.casefold().endswith(_COMMON_SUFFIXES)
        ):
            unknown.append(f"{system}/{name}" if system else name)
    if not files:
        systems = ", ".join(f"{system}/" for system in layouts_by_system)
        raise UserError(
            "no file of a known object",
            extracts_dir,
            f"put files named <object>*.csv, .jsonl or .parquet into {systems}",
        )
    return files, unknown


def format_of(file_name: str) -> FileFormat | None:
    """How a file of this name is read, by its suffix."""
    suffix = _suffix_of(file_name)
    return FORMATS[suffix] if suffix else None


def object_of(file_name: str, layouts: Iterable[ObjectLayout]) -> ObjectLayout | None:
    """The object whose name begins the file's, the longest one.

    Case, width, `_`, `-`, blanks and a leading name of the system (or `sf`) do not matter. After
    the object's name, or one of its `file_names`, may come s, data, export, report or extract,
    and then anything but a letter: `OpportunityHistory_2026.csv`, `sf_lead_data.csv` and
    `leads-2.csv` match, `sf_opportunity_line_item_data.csv` does not. Files of our own layouts
    may go on with any word after a separator (`leads_tokyo.csv`).
    """
    stem = unicodedata.normalize("NFKC", file_name).casefold()
    suffix = _suffix_of(stem)
    stem = stem.removesuffix(suffix) if suffix else stem
    lengths = [(_matched_length(stem, layout), layout) for layout in layouts]
    length, found = max(lengths, key=lambda pair: pair[0], default=(0, None))
    return found if length else None


def printable_name(file_name: str) -> str:
    """A file name as text: names that are not UTF-8 are taken for CP932, as old archives have.

    Where a character cannot be shown, a digest of the name keeps it apart from its likes.
    """
    raw = file_name.encode("utf-8", "surrogateescape")
    for encoding in ("utf-8", "cp932"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.isprintable():
            return text
        shown = "".join(char if char.isprintable() else "?" for char in text)
        return f"{shown}~{hashlib.sha256(raw).hexdigest()[:8]}"
    return raw.decode("ascii", "backslashreplace")


def _matched_length(stem: str, layout: ObjectLayout) -> int:
    compact = _compact(stem)
    begins = {compact}
    for prefix in (_compact(layout.system), "sf"):
        if compact.startswith(prefix):
            begins.add(compact.removeprefix(prefix))
    names = {_compact(name) for name in (layout.name, *layout.file_names)}
    longest = max(
        (
            len(name)
            for name in names
            for begin in begins
            if begin.startswith(name) and _TAIL.match(begin, len(name))
        ),
        default=0,
    )
    if layout.system in _OPEN_SYSTEMS and stem.startswith(layout.name):
        rest = stem.removeprefix(layout.name)
        if not rest[:1].isalpha():
            longest = max(longest, len(_compact(layout.name)))
    return longest


def _compact(text: str) -> str:
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", text).casefold())


def _suffix_of(file_name: str) -> str | None:
    name = file_name.casefold()
    return next((suffix for suffix in FORMATS if name.endswith(suffix)), None)


def _visible_files(extracts_dir: Path) -> list[Path]:
    candidates = [*extracts_dir.glob("*"), *extracts_dir.glob("*/*")]
    return sorted(path for path in candidates if path.is_file() and not path.name.startswith("."))
