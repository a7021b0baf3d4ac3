"""The world's log: what truly happened, before any extract is written.

One record per true thing: a call is one dial, an appointment one appointment, a lead one lead.
Legs, double logging, merged doubles, re-exports and code systems exist only in the extracts that a
writer makes from a log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

UTC = pl.Datetime("us")
"""Every time is UTC, without a zone."""

MONEY = pl.Decimal(18, 2)
RATE = pl.Decimal(18, 6)
HOURS = pl.Decimal(6, 2)

SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    # grain: one row per lead
    "leads": {
        "lead_id": pl.String(),
        "created_at": UTC,
        "channel_id": pl.String(),  # the true one; `unknown`: no source, `unmapped`: unmappable
        "source": pl.String(),
        "latest_source": pl.String(),
        "latest_channel_id": pl.String(),
        "is_target": pl.Boolean(),
        "is_deleted": pl.Boolean(),  # deleted in the CRM later
        "owner_id": pl.String(),
        "employees": pl.Int64(),
        "company": pl.String(),
        "industry": pl.String(),
        "title": pl.String(),
        "email": pl.String(),
        "phone": pl.String(),  # E.164
        "account_id": pl.String(),
        "status": pl.String(),
        "handed_over_at": UTC,
        "handed_over_to_id": pl.String(),
    },
    # grain: one row per start of a further engagement cycle
    "recycles": {"lead_id": pl.String(), "recycled_at": UTC},
    # grain: one row per dial or incoming call
    "calls": {
        "call_id": pl.String(),
        "lead_id": pl.String(),  # null: no lead known
        "rep_id": pl.String(),
        "direction": pl.String(),  # outbound | inbound
        "started_at": UTC,
        "answered_at": UTC,
        "ended_at": UTC,
        "person": pl.String(),  # who answered: target | gatekeeper | other | machine | null
        "information_exchanged": pl.Boolean(),
        "need_recorded": pl.Boolean(),
        "is_countable": pl.Boolean(),  # false: internal, test or monitoring call
    },
    # grain: one row per message and recipient
    "emails": {
        "message_id": pl.String(),
        "recipient_no": pl.Int64(),
        "lead_id": pl.String(),
        "rep_id": pl.String(),  # null: marketing's bulk mail
        "kind": pl.String(),  # one_to_one | bulk | auto_reply
        "sent_at": UTC,
        "bounced_at": UTC,  # hard or soft; null: delivered
        "human_opened_at": UTC,  # the earliest one; may lie outside the window or after as_of
        "machine_opened_at": UTC,
        "clicked_at": UTC,
        "replied_at": UTC,  # by a human
        "information_exchanged": pl.Boolean(),
    },
    # grain: one row per approach that is neither a call nor a mail
    "touches": {
        "touch_id": pl.String(),
        "lead_id": pl.String(),
        "rep_id": pl.String(),
        "activity_channel": pl.String(),
        "direction": pl.String(),
        "occurred_at": UTC,
        "replied_at": UTC,
        "information_exchanged": pl.Boolean(),
        "need_recorded": pl.Boolean(),
    },
    # grain: one row per appointment, however often it was moved
    "appointments": {
        "appointment_id": pl.String(),
        "lead_id": pl.String(),
        "booked_by_id": pl.String(),
        "booked_at": UTC,  # the first booking
        "starts_at": UTC,  # the last agreed start
        "moves": pl.Int64(),  # how often it was moved to another day; none after the as_of_date
        "outcome": pl.String(),  # held | no_show | cancelled | null = not ended
        "judged_at": UTC,
        "judgement": pl.String(),  # qualified | not_qualified | null
    },
    # grain: one row per opportunity
    "opportunities": {
        "opportunity_id": pl.String(),
        "lead_id": pl.String(),
        "created_at": UTC,
        "created_by_id": pl.String(),
        "amount": MONEY,
        "currency": pl.String(),
        "is_deleted": pl.Boolean(),
    },
    # grain: one row per stage an opportunity entered
    "stage_events": {
        "opportunity_id": pl.String(),
        "stage": pl.String(),
        "entered_at": UTC,
        "owner_id": pl.String(),
    },
    # grain: one row per permission a lead gave
    "permissions": {"lead_id": pl.String(), "granted_at": UTC, "revoked_at": UTC},
    # grain: one row per user and team
    "users": {
        "user_id": pl.String(),
        "name": pl.String(),
        "team": pl.String(),
        "department": pl.String(),
        "active_from": pl.Date(),
        "active_to": pl.Date(),  # inclusive
    },
    # grain: one row per rep and day
    "attendance": {"rep_id": pl.String(), "work_date": pl.Date(), "working_hours": HOURS},
    # grain: one row per currency and day with a quotation
    "fx_rates": {"currency": pl.String(), "date": pl.Date(), "jpy_rate": RATE},
    # grain: one row per day on which the company is closed beside the national holidays
    "company_holidays": {"date": pl.Date(), "name": pl.String()},
    # grain: one row per channel and month that cost money; months by their first day
    "campaign_costs": {"channel_id": pl.String(), "month": pl.Date(), "cost": MONEY},
}
"""The columns of every frame of a `WorldLog`, in order."""


@dataclass(frozen=True)
class WorldLog:
    """What truly happened in a sample world; frames as in `SCHEMAS`.

    Attributes:
        as_of_date: The last day that is in (business date); later rows have not happened yet.
        seed: The seed it was made from; writers derive their own choices from it.
        traps: Name of each planted trap and how many times it was planted.
    """

    as_of_date: date
    seed: int
    leads: pl.DataFrame
    recycles: pl.DataFrame
    calls: pl.DataFrame
    emails: pl.DataFrame
    touches: pl.DataFrame
    appointments: pl.DataFrame
    opportunities: pl.DataFrame
    stage_events: pl.DataFrame
    permissions: pl.DataFrame
    users: pl.DataFrame
    attendance: pl.DataFrame
    fx_rates: pl.DataFrame
    company_holidays: pl.DataFrame
    campaign_costs: pl.DataFrame
    traps: dict[str, int] = field(default_factory=dict)
