"""The published facts, row by row: what of a row is its own, and what follows from other rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """How the rows of a published fact are compared with those of an earlier version.

    key: what names a row
    day: the business date of the event
    dates: business dates that it is counted by; UTC timestamps end in _at
    own: what the source says of it; a difference is a correction
    progress: what happens to it later; a difference on a later as-of date may be no correction
    classes: what its codes mean, by the mappings
    Any other column follows from other rows.
    """

    name: str
    key: tuple[str, ...]
    day: str
    dates: tuple[str, ...]
    own: tuple[str, ...]
    progress: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    has_lead: bool = True
    has_channel: bool = True

    @property
    def named(self) -> tuple[str, ...]:
        """Every column whose role is stated."""
        return (*self.key, *self.own, *self.progress, *self.classes, "lead_id", "channel_id")


FACTS = (
    Fact(
        "fct_activities",
        key=("activity_id",),
        day="activity_date",
        dates=("activity_date",),
        own=("rep_id", "occurred_at", "activity_date", "duration_seconds", "is_manual"),
        progress=(
            *("is_delivered", "is_bounced", "is_opened", "is_machine_opened", "is_clicked"),
            "is_replied",
        ),
        classes=(
            *("activity_type", "activity_channel", "direction", "outcome_code", "is_connected"),
            *("is_target_connected", "is_connector", "is_effective_conversation"),
        ),
    ),
    Fact(
        "fct_opportunities",
        key=("opportunity_id",),
        day="created_date",
        dates=("created_date", "closed_date", "proposal_at", "won_at", "lost_at"),
        own=("owner_id", "created_by_id", "created_at", "created_date", "currency", "amount"),
        progress=(
            *("proposal_at", "won_at", "lost_at", "closed_date", "reopened_count"),
            "amount_jpy",
        ),
        classes=("stage", "is_open", "is_won", "is_lost"),
    ),
    Fact(
        "fct_leads",
        key=("lead_id",),
        day="acquired_date",
        dates=(
            *("acquired_date", "handed_over_date", "first_touched_date", "won_date"),
            *("accepted_date", "rejected_date", "first_connected_at", "permission_granted_at"),
            *("appointment_set_at", "appointment_held_at", "meeting_at", "judged_at"),
            "qualified_at",
        ),
        own=("created_at", "acquired_date", "segment", "is_target"),
        progress=("handed_over_date", "handed_over_at", "permission_granted_at"),
    ),
    Fact(
        "fct_appointments",
        key=("appointment_id",),
        day="booked_date",
        dates=("booked_date", "held_date", "judged_date", "ended_date"),
        own=("booked_by_id", "booked_at", "booked_date", "is_rescheduled"),
        progress=("held_at", "held_date", "judged_at", "judged_date", "ended_date"),
        classes=("outcome", "judgement"),
    ),
    Fact(
        "fct_working_hours",
        key=("rep_id", "work_date"),
        day="work_date",
        dates=("work_date",),
        own=("working_hours",),
        has_lead=False,
        has_channel=False,
    ),
    Fact(
        "fct_campaign_costs",
        key=("channel_id", "cost_date"),
        day="cost_date",
        dates=("cost_date",),
        own=("cost",),
        has_lead=False,
    ),
)
# object of the extracts, as source_fields of the registry name them -> the fact of its rows
FACT_OF_OBJECT = {
    "appointments": "fct_appointments",
    "attendance": "fct_working_hours",
    "calls": "fct_activities",
    "campaign_costs": "fct_campaign_costs",
    "email_events": "fct_activities",
    "emails": "fct_activities",
    "fx_rates": "fct_opportunities",
    "lead_status_history": "fct_leads",
    "leads": "fct_leads",
    "opportunities": "fct_opportunities",
    "opportunity_stage_history": "fct_opportunities",
    "permissions": "fct_leads",
    "touches": "fct_activities",
}
