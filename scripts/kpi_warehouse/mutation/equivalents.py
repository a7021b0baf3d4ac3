"""The reviewed list of mutants that no test can catch, each with the reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from kpi_warehouse.errors import UserError

EQUIVALENTS = Path(__file__).with_name("equivalent_mutants.toml")


def read_equivalents(path: Path = EQUIVALENTS) -> dict[str, str]:
    """Reason by id of the mutant.

    Raises:
        UserError: an entry lacks its reason or its mutants, or names one a second time.
    """
    reasons: dict[str, str] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", []):
        reason, mutants = entry.get("reason", "").strip(), entry.get("mutants", [])
        if not reason or not mutants:
            raise UserError("an entry lacks its reason or its mutants", path, "write both")
        for mutant_id in mutants:
            if mutant_id in reasons:
                raise UserError(f"{mutant_id} is listed twice", path, "keep one of them")
            reasons[mutant_id] = " ".join(reason.split())
    return reasons


def stale(reasons: Iterable[str], generated: Iterable[str]) -> list[str]:
    """Listed mutants that the rules no longer make: the code they were about has changed."""
    return sorted(set(reasons) - set(generated))
