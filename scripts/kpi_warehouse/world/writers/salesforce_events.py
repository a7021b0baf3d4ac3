"""Events of Salesforce: customer meetings, invitees' copies of them, other calendar entries."""

from __future__ import annotations

import numpy as np
import polars as pl

from kpi_warehouse.world.clock import HOUR
from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.randomness import chance, generator
from kpi_warehouse.world.writers import salesforce_ids as sf
from kpi_warehouse.world.writers.columns import durations, flags
from kpi_warehouse.world.writers.crm_ids import CrmIds
from kpi_warehouse.world.writers.generic_records import write_appointments
from kpi_warehouse.world.writers.identities import Doubles
from kpi_warehouse.world.writers.salesforce_records import Record, memos

CHILD_SHARE = 0.3
MOVED_IN_PLACE_SHARE = 0.08
"""Meetings whose start was changed in the record itself: an earlier export has the earlier one."""
DELETED_SHARE = 0.03
INTERNAL_SHARE = 0.1
INTERNAL_TYPES = ("社内会議", "研修")
MEETING_TYPES = ("商談", "Meeting", None)
MOVES = {"": 0, "-R1": 1, "-R2": 2}
"""Suffixes of an appointment's further bookings."""
CHILDREN, DELETED, INTERNAL = (n * 1_000_000_000 for n in range(1, 4))


def event_numbers(appointment_id: pl.Expr) -> pl.Expr:
    """A number per booking."""
    move = appointment_id.str.slice(9).replace_strict(MOVES, return_dtype=pl.Int64)
    return appointment_id.str.slice(0, 9).cast(pl.Int64) * len(MOVES) + move


def event_records(log: WorldLog, ids: CrmIds, doubles: Doubles) -> Record:
    """All events: an earlier export of some in an earlier state, and the current one."""
    rng = generator(log.seed, "writers/salesforce/events")
    bookings, traps = write_appointments(log, doubles)
    meetings, reassigned = meeting_rows(rng, log, ids, bookings)
    size = meetings.height
    children = meetings.filter(flags(chance(rng, CHILD_SHARE, size))).with_columns(
        Number=pl.col("Number") + CHILDREN,
        OwnerId="CreatedById",
        IsChild=pl.lit(True),
        IsGroupEvent=pl.lit(True),
    )
    deleted = meetings.filter(flags(chance(rng, DELETED_SHARE, size))).with_columns(
        Number=pl.col("Number") + DELETED, IsDeleted=pl.lit(True)
    )
    inside = meetings.filter(flags(chance(rng, INTERNAL_SHARE, size)))
    kinds = pl.Series(INTERNAL_TYPES).gather(rng.integers(0, len(INTERNAL_TYPES), inside.height))
    inside = inside.with_columns(
        Number=pl.col("Number") + INTERNAL,
        WhoId=pl.lit(None, dtype=pl.String),
        WhatId=pl.lit(None, dtype=pl.String),
        Type=kinds,
        Outcome__c=pl.lit(None, dtype=pl.String),
        Judgement__c=pl.lit(None, dtype=pl.String),
        Rescheduled_From__c=pl.lit(None, dtype=pl.String),
        Judged_At__c=pl.lit(None, dtype=pl.Datetime("us")),
    )
    everything = pl.concat([meetings, children, deleted, inside]).sort("CreatedDate", "Number")
    rows = everything.with_columns(Id=sf.salesforce_ids(sf.EVENT, everything["Number"]))
    changed = rows.filter(
        pl.col("Number") < CHILDREN,
        pl.col("Rescheduled_From__c").is_null(),
        flags(chance(rng, MOVED_IN_PLACE_SHARE, rows.height)),
    )
    earlier = changed.with_columns(
        *(
            (pl.col(name) - pl.duration(days=2)).alias(name)
            for name in ("StartDateTime", "EndDateTime", "ActivityDateTime")
        ),
        *(
            pl.lit(None, dtype=rows.schema[name]).alias(name)
            for name in ("Outcome__c", "Judged_At__c", "Judgement__c", "Judgement_Reason__c")
        ),
        LastModifiedDate="CreatedDate",
        SystemModstamp="CreatedDate",
    )
    columns = ["Id", *(name for name in rows.columns if name not in ("Id", "Number"))]
    short = ("Id", "WhoId", "WhatId", "OwnerId", "CreatedById", "Rescheduled_From__c")
    return Record(
        frames={
            "Event_1": earlier.select(columns).with_columns(sf.short_ids(pl.col(short))),
            "Event_2": rows.select(columns),
        },
        traps=traps
        | {
            "event_copy_of_invitee": children.height,
            "event_deleted": deleted.height,
            "event_that_is_no_customer_meeting": inside.height,
            "event_moved_in_place": earlier.height,
            "event_reassigned_at_conversion": reassigned,
        },
    )


def meeting_rows(
    rng: np.random.Generator, log: WorldLog, ids: CrmIds, bookings: pl.DataFrame
) -> tuple[pl.DataFrame, int]:
    """One event per booking, and how many belong to another owner since the conversion."""
    size = bookings.height
    leads = bookings.select("lead_id", "owner_id").join(
        ids.leads, left_on="lead_id", right_on="key", how="left", maintain_order="left"
    )
    new_owner = leads.join(
        log.leads.select("lead_id", "handed_over_to_id"),
        on="lead_id",
        how="left",
        maintain_order="left",
    )
    is_reassigned = leads["contact_id"].is_not_null() & new_owner["handed_over_to_id"].is_not_null()
    owner = new_owner["handed_over_to_id"].zip_with(is_reassigned, bookings["owner_id"])
    says_booking = flags(chance(rng, 0.5, size))
    wait = durations(rng.integers(60, 24 * HOUR, size))
    created = pl.when(says_booking).then(pl.col("booked_at") + wait).otherwise("booked_at")
    kinds = pl.Series(MEETING_TYPES).gather(rng.integers(0, len(MEETING_TYPES), size))
    previous = bookings.select(event_numbers(pl.col("rescheduled_from_id"))).to_series()
    changed_at = pl.max_horizontal("created_at", "starts_at", "judged_at")
    rows = bookings.with_columns(created_at=created).select(
        Number=event_numbers(pl.col("appointment_id")),
        WhoId=ids.who(bookings["lead_id"]),
        WhatId=ids.deal(bookings["opportunity_id"]),
        AccountId=pl.lit(None, dtype=pl.String),
        OwnerId=ids.user(owner),
        Subject=pl.lit("お打ち合わせ"),
        Type=kinds,
        EventSubtype=pl.lit("Event"),
        IsChild=pl.lit(False),
        IsGroupEvent=pl.lit(False),
        IsRecurrence=pl.lit(False),
        StartDateTime="starts_at",
        EndDateTime=pl.col("starts_at") + pl.duration(hours=1),
        ActivityDate=pl.col("starts_at").dt.date(),
        ActivityDateTime="starts_at",
        CreatedById=ids.user(bookings["booked_by_id"]),
        CreatedDate="created_at",
        LastModifiedDate=changed_at,
        SystemModstamp=changed_at,
        IsDeleted=pl.lit(False),
        Outcome__c="outcome",
        Rescheduled_From__c=sf.salesforce_ids(sf.EVENT, previous),
        Judged_At__c="judged_at",
        Judgement__c="judgement",
        Judgement_Reason__c="judgement_reason",
        Booked_At__c=pl.when(says_booking).then("booked_at"),
        Description=memos(rng, size),
        Room_No__c=pl.lit("0301"),
    )
    return rows, int((is_reassigned & (owner != bookings["owner_id"])).sum())
