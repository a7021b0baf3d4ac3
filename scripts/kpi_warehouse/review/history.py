"""What earlier reviews showed of past months, and what has changed since: restatements."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from kpi_warehouse.errors import UserError

FILE = "review.json"
FORMAT = 1
# the same sums in another order
_SAME = 1e-9


@dataclass(frozen=True)
class Value:
    """A KPI of a month as a review showed it, event basis, in total."""

    kpi_id: str
    month: date
    version: int
    numerator: Decimal | None
    denominator: Decimal | None
    value: float | None
    is_complete: bool


@dataclass(frozen=True)
class Snapshot:
    """What one review showed: its month, the day it was made as of, the values."""

    month: date
    as_of: date
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Restatement:
    """A value of a past month that is not what the earlier review showed.

    Attributes:
        now: None if the KPI is no longer published for that month.
    """

    before: Value
    now: Value | None

    @property
    def is_definition(self) -> bool:
        """Whether another version counts; else rows came late, were corrected or mapped anew."""
        return self.now is None or self.now.version != self.before.version


def restatements(before: Snapshot, now: Snapshot) -> tuple[Restatement, ...]:
    """The values of months that were over in the earlier review and are different now.

    A month that was not over has gone on since; that is no restatement.
    """
    current = {(each.kpi_id, each.month): each for each in now.values}
    covered = {each.month for each in now.values}
    return tuple(
        Restatement(old, new)
        for old in before.values
        if old.is_complete and old.month in covered
        for new in (current.get((old.kpi_id, old.month)),)
        if new is None or not _is_same(old, new)
    )


def newest_earlier(folder: Path, month: date, as_of: date) -> Snapshot | None:
    """The snapshot of the last month before `month` that has one, not made as of a later day.

    Args:
        folder: with a folder per month.

    Raises UserError if a file there is none of this project.
    """
    found = [_read(path) for path in sorted(folder.glob(f"*/{FILE}"))]
    earlier = [each for each in found if each.month < month and each.as_of <= as_of]
    return max(earlier, key=lambda each: (each.month, each.as_of), default=None)


def to_json(snapshot: Snapshot, changed: Iterable[Restatement], against: Snapshot | None) -> str:
    """The snapshot and what has changed since the earlier one."""
    content = {
        "format": FORMAT,
        "month": f"{snapshot.month:%Y-%m}",
        "as_of": snapshot.as_of.isoformat(),
        "values": [_value_out(each) for each in snapshot.values],
        "compared_with": against
        and {
            "month": f"{against.month:%Y-%m}",
            "as_of": against.as_of.isoformat(),
        },
        "restatements": [
            {
                "reason": "definition" if each.is_definition else "data",
                "before": _value_out(each.before),
                "now": each.now and _value_out(each.now),
            }
            for each in changed
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"


def _is_same(old: Value, new: Value) -> bool:
    if (old.numerator, old.denominator) != (new.numerator, new.denominator):
        return False
    if old.value is None or new.value is None:
        return old.value is new.value
    return math.isclose(old.value, new.value, rel_tol=_SAME, abs_tol=_SAME)


def _value_out(value: Value) -> dict[str, object]:
    return {
        "kpi_id": value.kpi_id,
        "month": f"{value.month:%Y-%m}",
        "version": value.version,
        "numerator": None if value.numerator is None else str(value.numerator),
        "denominator": None if value.denominator is None else str(value.denominator),
        "value": value.value,
        "is_complete": value.is_complete,
    }


def _read(path: Path) -> Snapshot:
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != FORMAT:
            raise ValueError("another format")
        return Snapshot(
            _month(content["month"]),
            date.fromisoformat(content["as_of"]),
            tuple(
                Value(
                    kpi_id=str(each["kpi_id"]),
                    month=_month(each["month"]),
                    version=int(each["version"]),
                    numerator=_decimal(each["numerator"]),
                    denominator=_decimal(each["denominator"]),
                    value=None if each["value"] is None else float(each["value"]),
                    is_complete=bool(each["is_complete"]),
                )
                for each in content["values"]
            ),
        )
    except (ValueError, KeyError, TypeError, InvalidOperation) as error:
        raise UserError(
            "is no review of this project",
            path,
            "make that month's review again, or take the file away",
        ) from error


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
