"""The objects that landing knows, read from the sources that the staging models declare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kpi_warehouse.yaml_file import read_yaml


@dataclass(frozen=True)
class ObjectLayout:
    """One object of one source system, as its table in the sources YAML declares it.

    `columns` are all columns that land; `required` ones must be in every file; `data_types`
    pairs a column with its type where that is not text. `derived` pairs a column that no file
    holds with the column it is folded from. `key_from` are the columns that a key is made of if
    a file has none. `file_names` are further names that a file of the object may begin with.
    """

    system: str
    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]
    data_types: tuple[tuple[str, str], ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    key: tuple[str, ...] = ()
    key_from: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()

    @property
    def file_columns(self) -> tuple[str, ...]:
        """The columns that a file may hold."""
        derived = dict(self.derived)
        return tuple(column for column in self.columns if column not in derived)

    def data_type(self, column: str) -> str:
        """The declared type of a column."""
        return dict(self.data_types).get(column, "text")


def read_layouts(staging_dir: Path) -> list[ObjectLayout]:
    """The layouts in `<staging_dir>/*/_*__sources.yml`, ordered by system and object.

    A source table is an object of the extracts if its meta names a `key`; other sources, such
    as landing's own list of files, are none.
    """
    layouts = []
    for path in sorted(staging_dir.glob("*/_*__sources.yml")):
        for source in read_yaml(path).get("sources", []):
            layouts += [
                _layout(source["name"], table)
                for table in source.get("tables", [])
                if "key" in _meta(table)
            ]
    return sorted(layouts, key=lambda layout: (layout.system, layout.name))


def _layout(system: str, table: dict) -> ObjectLayout:
    columns, meta = table["columns"], _meta(table)
    return ObjectLayout(
        system=system,
        name=table["name"],
        columns=tuple(column["name"] for column in columns),
        required=tuple(column["name"] for column in columns if _meta(column).get("required")),
        data_types=tuple((column["name"], column["data_type"]) for column in columns),
        derived=tuple(
            (column["name"], _meta(column)["folded_from"])
            for column in columns
            if "folded_from" in _meta(column)
        ),
        key=tuple(meta["key"]),
        key_from=tuple(meta.get("key_from", ())),
        file_names=tuple(meta.get("file_names", ())),
    )


def _meta(node: dict) -> dict:
    return node.get("config", {}).get("meta", {})
