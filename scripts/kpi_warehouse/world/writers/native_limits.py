"""What Salesforce, MiiTel and SendGrid together cannot say of a world, each as a list entry.

Each entry takes the fact out of a log: a generic export of what is left says what the native one
says, which `tests/integration/test_format_equivalence.py` demands to the last count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import polars as pl

from kpi_warehouse.world.log import SCHEMAS, WorldLog


@dataclass(frozen=True)
class Limit:
    """A fact that the native formats have no place for.

    Attributes:
        name: What is lost, in snake_case.
        why: Where it would have to stand, and what stands there instead.
        without: Takes it out of a log.
    """

    name: str
    why: str
    without: Callable[[WorldLog], WorldLog]


def without_team_history(log: WorldLog) -> WorldLog:
    """Every user is, and always was, where the user is by now."""
    latest = log.users.sort("user_id", "active_from", nulls_last=False).group_by(
        "user_id", maintain_order=True
    )
    users = latest.last().with_columns(
        active_from=pl.lit(None, dtype=pl.Date), active_to=pl.lit(None, dtype=pl.Date)
    )
    return replace(log, users=users.select(list(SCHEMAS["users"])))


def standing_permissions(permissions: pl.DataFrame) -> pl.DataFrame:
    """Permissions as a yes-or-no field has them: intervals of a lead that do not overlap.

    The field becomes true with a permission while it is false, and false when any is withdrawn. So
    a second permission while the first stands is not told apart from it; no KPI asks for it, as
    they look at the lead's first conversation, and what may overlap was given in one.
    """
    given = permissions.select("lead_id", at="granted_at", stands=pl.lit(True))
    withdrawn = permissions.filter(pl.col("revoked_at").is_not_null()).select(
        "lead_id", at="revoked_at", stands=pl.lit(False)
    )
    changes = (
        pl.concat([given, withdrawn])
        .sort("lead_id", "at", "stands", descending=[False, False, True])
        .filter(
            (pl.col("stands") != pl.col("stands").shift(1).over("lead_id")).fill_null(
                pl.col("stands")
            )
        )
        .with_columns(next_at=pl.col("at").shift(-1).over("lead_id"))
    )
    return (
        changes.filter("stands")
        .select("lead_id", granted_at="at", revoked_at="next_at")
        .sort("granted_at", "lead_id")
    )


LIMITS = (
    Limit(
        "team_history",
        "User has a role and a department of today, and no dates with them",
        without_team_history,
    ),
)


def carried_natively(log: WorldLog) -> WorldLog:
    """The log less everything that the native formats cannot say."""
    for limit in LIMITS:
        log = limit.without(log)
    return log
