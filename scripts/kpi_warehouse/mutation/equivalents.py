"""The reviewed list of mutants that no test can catch, each with the reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from kpi_warehouse.errors import UserError

EQUIVALENTS = Path(__file__).with_name("equivalent_mutants.toml")


def read_equivalents(path: Path = EQUIVALENTS) -> dict[str, str]:
    """Reason by id of the mutant, or by a pattern of ids (`*` stands for anything).

    Raises:
        UserError: an entry lacks its reason or its mutants, or names one a second time.
    """
    reasons: dict[str, str] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", []):
        reason, mutants = entry.get("reason", "").strip(), entry.get("mutants", [])
        if not reason or not mutants:
            raise UserError("an entry lacks its reason or its mutants", path, "write both")
        for pattern in mutants:
            if pattern in reasons:
                raise UserError(f"{pattern} is listed twice", path, "keep one of them")
            reasons[pattern] = " ".join(reason.split())
    return reasons


def entry_of(mutant_id: str, reasons: Mapping[str, str]) -> str | None:
    """The entry of the list that a mutant falls under."""
    if mutant_id in reasons:
        return mutant_id
    return next((pattern for pattern in reasons if fnmatchcase(mutant_id, pattern)), None)


def stale(reasons: Mapping[str, str], generated: Iterable[str]) -> list[str]:
    """Entries that no mutant falls under: the code they were about has changed."""
    used = {entry_of(mutant_id, reasons) for mutant_id in generated}
    return sorted(set(reasons) - used)
