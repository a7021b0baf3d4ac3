"""The objects of the extracts, as the sources YAML declares them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kpi_warehouse.yaml_file import read_yaml


@dataclass(frozen=True)
class Column:
    """One column of an object; `is_mandatory` if a row without it is lost."""

    name: str
    data_type: str
    is_mandatory: bool


@dataclass(frozen=True)
class LandedObject:
    """One object of one source system. `newest_by` is its modification stamp, if it has one."""

    system: str
    name: str
    key: tuple[str, ...]
    newest_by: str | None
    columns: tuple[Column, ...]

    @property
    def full_name(self) -> str:
        """`<system>.<object>`."""
        return f"{self.system}.{self.name}"

    @property
    def time_columns(self) -> tuple[str, ...]:
        """The columns that say how new a record is: mandatory timestamps and the stamp.

        Dates are left out: a holiday or a target lies in the future.
        """
        return tuple(
            column.name
            for column in self.columns
            if column.data_type == "timestamp"
            and (column.is_mandatory or column.name == self.newest_by)
        )


def read_objects(staging_dir: Path) -> list[LandedObject]:
    """Every object in `<staging_dir>/*/_*__sources.yml`, by system and name.

    A source table is an object of the extracts if its meta names a `key`.
    """
    objects = []
    for path in sorted(staging_dir.glob("*/_*__sources.yml")):
        for source in read_yaml(path).get("sources", []):
            objects += [
                _object(source["name"], table)
                for table in source.get("tables", [])
                if "key" in _meta(table)
            ]
    return sorted(objects, key=lambda each: (each.system, each.name))


def _object(system: str, table: dict) -> LandedObject:
    meta = _meta(table)
    return LandedObject(
        system=system,
        name=table["name"],
        key=tuple(meta["key"]),
        newest_by=meta.get("newest_by"),
        columns=tuple(
            Column(
                name=column["name"],
                data_type=column.get("data_type", "text"),
                is_mandatory=any(_meta(column).get(word) for word in ("required", "mandatory")),
            )
            for column in table["columns"]
        ),
    )


def _meta(node: dict) -> dict:
    return node.get("config", {}).get("meta", {})
