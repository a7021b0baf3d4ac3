"""The codes that no mapping knows, as the published warehouse reports them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from kpi_warehouse.errors import UserError

# The finding shows this much of a code, see int_findings_codes.
CODE_LENGTH = 60
# What it says of reasons in people's own words, which are no codes to be mapped.
FREE_TEXT = "(free text)"
_DETAIL = re.compile(r"(?P<code>.*): (?P<rows>[\d,]+) rows?(?:\b.*)?", re.DOTALL)
_OLDER = "is no warehouse of this project, or an older one"


@dataclass(frozen=True)
class Gap:
    """One code without a mapping in one object: how often it occurs, and one place where."""

    rule: str
    system: str
    object: str
    code: str
    row_count: int
    file: str | None
    row: int | None

    @property
    def may_be_cut(self) -> bool:
        """Whether the source's code may be longer than what the warehouse shows."""
        return len(self.code) >= CODE_LENGTH


def read_gaps(warehouse: Path) -> list[Gap]:
    """Every finding about an unmapped code, the most frequent first.

    Raises UserError if there is no warehouse, it cannot be read, or is not this project's.
    """
    if not warehouse.is_file():
        raise UserError("no warehouse yet", warehouse, "run make build")
    try:
        connection = duckdb.connect(str(warehouse), read_only=True)
    except duckdb.Error as error:
        if "lock" in str(error):
            raise UserError(
                "another process has it open for writing", warehouse, "close it there and retry"
            ) from error
        raise UserError(
            "cannot be opened as a DuckDB file", warehouse, "set WAREHOUSE_PATH to a warehouse"
        ) from error
    try:
        rows = connection.execute(
            """
            select rule, source_system, object, detail, file, row
            from marts.data_quality_findings
            where starts_with(rule, 'unmapped_')
            """
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise UserError(_OLDER, warehouse, "run make build") from error
    finally:
        connection.close()
    gaps = []
    for rule, system, object_name, detail, file, row in rows:
        parts = _DETAIL.fullmatch(detail or "")
        if not parts:
            raise UserError(_OLDER, warehouse, "run make build")
        if parts["code"] == FREE_TEXT:
            continue
        count = int(parts["rows"].replace(",", ""))
        gaps.append(Gap(rule, system, object_name, parts["code"], count, file, row))
    return sorted(gaps, key=lambda gap: (gap.rule, -gap.row_count, gap.code, gap.system))


def by_seed(gaps: Iterable[Gap], seeds: Mapping[str, str]) -> dict[str, list[Gap]]:
    """The gaps of each seed."""
    found: dict[str, list[Gap]] = {}
    for gap in gaps:
        if gap.rule in seeds:
            found.setdefault(seeds[gap.rule], []).append(gap)
    return found
