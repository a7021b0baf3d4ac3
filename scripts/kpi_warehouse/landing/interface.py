"""The objects that landing knows, read from the sources that the staging models declare."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

# Part of every fingerprint: raise it when the landed files change, and all are read again.
LANDED_FORMAT = 1


@dataclass(frozen=True)
class ObjectLayout:
    """One object of one source system: its columns, and those that every file must have."""

    system: str
    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Changes when files landed under an older interface have to be read again."""
        interface = [LANDED_FORMAT, self.system, self.name, self.columns, self.required]
        return hashlib.sha256(json.dumps(interface).encode()).hexdigest()[:16]


def read_layouts(staging_dir: Path) -> list[ObjectLayout]:
    """The layouts in `<staging_dir>/*/_*__sources.yml`, ordered by system and object.

    A source table is an object of the extracts if its meta names a `key`; other sources, such
    as landing's own list of files, are none.
    """
    layouts = []
    for path in sorted(staging_dir.glob("*/_*__sources.yml")):
        for source in yaml.safe_load(path.read_text("utf-8")).get("sources", []):
            layouts += [
                _layout(source["name"], table)
                for table in source.get("tables", [])
                if "key" in _meta(table)
            ]
    return sorted(layouts, key=lambda layout: (layout.system, layout.name))


def _layout(system: str, table: dict) -> ObjectLayout:
    columns = table["columns"]
    return ObjectLayout(
        system=system,
        name=table["name"],
        columns=tuple(column["name"] for column in columns),
        required=tuple(column["name"] for column in columns if _meta(column).get("required")),
    )


def _meta(node: dict) -> dict:
    return node.get("config", {}).get("meta", {})
