"""Field history of leads: statuses, hand-over, recycles, and the permission to be approached."""

from __future__ import annotations

import polars as pl

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator
from kpi_warehouse.world.writers import salesforce_ids as sf
from kpi_warehouse.world.writers.columns import flags
from kpi_warehouse.world.writers.crm_ids import CrmIds
from kpi_warehouse.world.writers.generic_records import write_status_history
from kpi_warehouse.world.writers.identities import Doubles, recorded_lead_ids
from kpi_warehouse.world.writers.native_limits import standing_permissions
from kpi_warehouse.world.writers.salesforce_records import Record

CREATION, WORKING, HANDED_OVER, RECYCLED = "新規", "アプローチ中", "引き渡し済", "リサイクル"
WITHOUT_HISTORY_SHARE = 0.15
"""Converted leads whose hand-over is in no history row: only the record's date tells it."""
OTHER_FIELDS = ("Owner", "Rating", "leadConverted")
OTHER_FIELD_SHARE = 0.1
COLUMNS = ("Id", "LeadId", "Field", "OldValue", "NewValue", "CreatedById", "CreatedDate")


def lead_history(log: WorldLog, ids: CrmIds, doubles: Doubles, current: pl.DataFrame) -> Record:
    """All rows of LeadHistory.

    Args:
        log: The world.
        ids: Its ids.
        doubles: Merged doubles of leads.
        current: Lead records as `write_leads` makes them: their hand-overs are history here.
    """
    rng = generator(log.seed, "writers/salesforce/lead_history")
    statuses, traps = status_changes(log, ids, doubles, current)
    converted = ids.leads.filter(pl.col("contact_id").is_not_null())["key"]
    silent = converted.filter(flags(chance(rng, WITHOUT_HISTORY_SHARE, len(converted))))
    is_silent = (pl.col("NewValue") == HANDED_OVER) & pl.col("lead_id").is_in(silent.implode())
    statuses = statuses.filter(~is_silent)
    permissions = permission_changes(log, doubles)
    chosen = statuses.filter(flags(chance(rng, OTHER_FIELD_SHARE, statuses.height)))
    others = chosen.with_columns(
        Field=pl.Series(OTHER_FIELDS).gather(rng.integers(0, len(OTHER_FIELDS), chosen.height)),
        OldValue=pl.lit(None, dtype=pl.String),
        NewValue=pl.lit(None, dtype=pl.String),
    )
    rows = pl.concat([statuses, permissions, others]).sort("CreatedDate", "lead_id", "Field")
    marketing = log.users.filter(pl.col("department") == "marketing")["user_id"].head(1)
    rows = rows.with_columns(
        Id=sf.salesforce_ids(sf.FIELD_HISTORY, pl.int_range(rows.height, eager=True)),
        LeadId=ids.lead(rows["lead_id"]),
        CreatedById=pl.lit(ids.user(marketing).first(), dtype=pl.String),
    )
    return Record(
        frames={"LeadHistory": rows.select(COLUMNS)},
        traps=traps
        | {
            "hand_over_without_history": len(silent),
            "lead_history_of_other_field": others.height,
            "permission_as_field_history": permissions.height,
        },
    )


def status_changes(
    log: WorldLog, ids: CrmIds, doubles: Doubles, current: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Changes of the status, of merged leads spread over their doubles; creation is no change.

    A converted lead changes no more, and a lead is worked again before it can be recycled again.
    """
    written, traps = write_status_history(log, doubles)
    again = written.filter(pl.col("status") == RECYCLED).with_columns(
        status=pl.lit(WORKING), entered_at=pl.col("entered_at") + pl.duration(hours=8)
    )
    recorded = current.filter(pl.col("handed_over_at").is_not_null()).select(
        "lead_id", status=pl.lit(HANDED_OVER), entered_at="handed_over_at"
    )
    columns = ("lead_id", "status", "entered_at")
    changes = pl.concat([part.select(columns) for part in (written, again, recorded)]).unique()
    conversion = log.leads.select("lead_id", converted_at="handed_over_at").filter(
        pl.col("lead_id").is_in(
            ids.leads.filter(pl.col("contact_id").is_not_null())["key"].implode()
        )
    )
    changes = (
        changes.join(conversion, on="lead_id", how="left", maintain_order="left")
        .filter((pl.col("entered_at") <= pl.col("converted_at")).fill_null(True))
        .sort("lead_id", "entered_at", "status")
        .with_columns(before=pl.col("status").shift(1).over("lead_id"))
        .filter(pl.col("status") != CREATION, pl.col("status").ne_missing(pl.col("before")))
    )
    return changes.select(
        "lead_id",
        Field=pl.lit("Status"),
        OldValue=pl.col("before").fill_null(CREATION),
        NewValue="status",
        CreatedDate="entered_at",
    ), traps


def permission_changes(log: WorldLog, doubles: Doubles) -> pl.DataFrame:
    """The permissions as changes of a yes-or-no field; of merged leads some are the doubles'."""
    standing = standing_permissions(log.permissions)
    lead_id, _ = recorded_lead_ids(log, doubles, standing["lead_id"], "permissions")
    intervals = standing.with_columns(lead_id=lead_id)
    parts = (("granted_at", False, True), ("revoked_at", True, False))
    return pl.concat(
        [
            intervals.filter(pl.col(column).is_not_null()).select(
                "lead_id",
                Field=pl.lit("Permission__c"),
                OldValue=pl.lit(str(before).lower()),
                NewValue=pl.lit(str(after).lower()),
                CreatedDate=column,
            )
            for column, before, after in parts
        ]
    )
