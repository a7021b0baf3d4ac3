"""Which files of the extracts folder belong to which object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kpi_warehouse.errors import UserError
from kpi_warehouse.landing.interface import ObjectLayout
from kpi_warehouse.landing.readers import FORMATS, FileFormat


@dataclass(frozen=True)
class SourceFile:
    """One file of the extracts: what it holds and how it is read."""

    path: Path
    layout: ObjectLayout
    format: FileFormat

    @property
    def name(self) -> str:
        """Path relative to the extracts folder: `<system>/<file>`."""
        return f"{self.layout.system}/{self.path.name}"


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
        file_format = format_of(path.name)
        layout = object_of(path.name, layouts_by_system.get(system, []))
        if file_format and layout:
            files.append(SourceFile(path, layout, file_format))
        elif file_format or system in layouts_by_system:
            unknown.append(path.relative_to(extracts_dir).as_posix())
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
    suffix = next((each for each in FORMATS if file_name.casefold().endswith(each)), None)
    return FORMATS[suffix] if suffix else None


def object_of(file_name: str, layouts: Iterable[ObjectLayout]) -> ObjectLayout | None:
    """The object whose name begins the file's, the longest one; no letter may follow it.

    `leads-2.csv` and `leads 2025.csv` hold `leads`; `leadership.csv` does not.
    """
    stem = file_name.casefold()
    matching = [
        layout
        for layout in layouts
        if stem.startswith(layout.name) and not stem.removeprefix(layout.name)[:1].isalpha()
    ]
    return max(matching, key=lambda layout: len(layout.name), default=None)


def _visible_files(extracts_dir: Path) -> list[Path]:
    candidates = [*extracts_dir.glob("*"), *extracts_dir.glob("*/*")]
    return sorted(path for path in candidates if path.is_file() and not path.name.startswith("."))
