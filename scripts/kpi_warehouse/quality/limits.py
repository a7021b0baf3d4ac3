"""Every limit of the expectations, with its reason. A limit is changed here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

# --- landed files ------------------------------------------------------------------------------

# The longest closure of a Japanese office (年末年始, Golden Week, お盆) is nine days; one day more
# for the export. 3 to 31.
DAILY_WORK_DAYS = 10
# What is not made every day, deals, permissions, bookings: a month, and a day for the export.
OCCASIONAL_WORK_DAYS = 32
# Objects of what is done every day; by (system, object). All others are occasional.
DAILY_OBJECTS = {
    ("generic", "calls"),
    ("generic", "emails"),
    ("miitel", "call"),
    ("salesforce", "lead"),
    ("salesforce", "task"),
    ("sendgrid", "event"),
}

# A column that identifies a row or dates it: the rows without it are lost. A few records of a large
# export may be broken; one in a hundred says that the export is. 0 to 0.1.
EMPTY_REQUIRED_SHARE = 0.01
# Values that are there and cannot be read as their type: as above, but nothing is lost with them.
UNREADABLE_SHARE = 0.05
# Rows whose key and modification stamp are equal and whose content is not: it is by chance which
# one counts. 0 to 0.1.
CONTRADICTING_SHARE = 0.01
# Codes without a mapping land in `unmapped`. The build lists each; here it is how many rows they
# take along: one in twenty moves a rate by more than its interval.
UNMAPPED_SHARE = 0.05
# Landing rejects what it cannot read. Above the first share somebody should look; above the second
# the export is broken.
REJECTED_SHARE_SOME = 0.01
REJECTED_SHARE_MANY = 0.10

# The newest file is held against this many before it, at least FEWEST_RECENT_FILES of them.
RECENT_FILES = 5
FEWEST_RECENT_FILES = 3
# Rows against the median of the recent files, in all and per day covered, whichever is more: a
# month that has just begun has few rows, but not few a day. A holiday week may halve it.
VOLUME_LOW = 0.5
VOLUME_COLLAPSED = 0.1

# A share of fewer rows is no distribution.
FEWEST_ROWS_FOR_SHARES = 100
# Calls, touches and bookings on Saturday and Sunday. Days drawn by chance would give 2/7 = 0.29; a
# shifted time zone or exchanged day and month comes close to it.
WEEKEND_SHARE = 0.20
# Dials that somebody or something answered. Below, the answered flag is not in the export; above,
# unanswered dials are not.
ANSWERED_SHARE_FROM = 0.02
ANSWERED_SHARE_TO = 0.95


@dataclass(frozen=True)
class Facts:
    """What one object's values are for; every column is named as the sources YAML names it.

    Attributes:
        important: column -> the largest plausible share of rows without it. Above it a KPI loses
            its channel, its rep or its outcome.
        codes: column -> (mapping seed, its code column).
        happened_at: when people did it; the weekday mix is measured on it.
        answered: column that has a value above zero, or any text, only where a call was answered.
        dials: (column, pattern), the rows that `answered` is measured on; all rows if None.
    """

    important: tuple[tuple[str, float], ...] = ()
    codes: tuple[tuple[str, str, str], ...] = ()
    happened_at: str | None = None
    answered: str | None = None
    dials: tuple[str, str] | None = None


# A lead without source is channel `unknown` (R18), which half of them may be before a report by
# channel says nothing. A dialer knows numbers, not leads, so that half of the calls may lack the
# lead's id; what people log by hand lacks it now and then (R10).
FACTS: dict[tuple[str, str], Facts] = {
    ("generic", "leads"): Facts(
        important=(("source", 0.5), ("status", 0.5), ("owner_id", 0.5)),
        codes=(
            ("source", "lead_sources", "source_code"),
            ("status", "lead_statuses", "status_code"),
        ),
    ),
    ("generic", "lead_status_history"): Facts(
        codes=(("status", "lead_statuses", "status_code"),),
    ),
    ("generic", "opportunities"): Facts(
        important=(("stage", 0.05), ("lead_id", 0.5), ("amount", 0.5), ("owner_id", 0.2)),
        codes=(("stage", "opportunity_stages", "stage_code"),),
    ),
    ("generic", "opportunity_stage_history"): Facts(
        codes=(("stage", "opportunity_stages", "stage_code"),),
    ),
    ("generic", "calls"): Facts(
        important=(("lead_id", 0.5), ("rep_id", 0.2), ("direction", 0.1), ("disposition", 0.5)),
        codes=(("disposition", "call_outcomes", "disposition_code"),),
        happened_at="started_at",
        answered="answered_at",
        dials=("direction", "^outbound$"),
    ),
    ("generic", "emails"): Facts(important=(("recipient", 0.05), ("kind", 0.2))),
    ("generic", "email_events"): Facts(important=(("message_id", 0.01), ("event", 0.01))),
    ("generic", "touches"): Facts(
        important=(("lead_id", 0.2), ("rep_id", 0.2), ("activity_channel", 0.05)),
        happened_at="occurred_at",
    ),
    ("generic", "appointments"): Facts(
        important=(("lead_id", 0.2), ("booked_by_id", 0.2)),
        codes=(
            ("outcome", "meeting_outcomes", "outcome_code"),
            ("judgement", "meeting_judgements", "judgement_code"),
        ),
        happened_at="booked_at",
    ),
    ("generic", "users"): Facts(important=(("team", 0.5), ("department", 0.5))),
    ("salesforce", "lead"): Facts(
        important=(("lead_source", 0.5), ("status", 0.5), ("owner_id", 0.5)),
        codes=(
            ("lead_source", "lead_sources", "source_code"),
            ("status", "lead_statuses", "status_code"),
        ),
    ),
    ("salesforce", "opportunity"): Facts(
        important=(("stage_name", 0.05), ("amount", 0.5), ("owner_id", 0.2)),
        codes=(("stage_name", "opportunity_stages", "stage_code"),),
    ),
    ("salesforce", "opportunity_history"): Facts(
        codes=(("stage_name", "opportunity_stages", "stage_code"),),
    ),
    ("salesforce", "task"): Facts(
        important=(("who_id", 0.2), ("owner_id", 0.2), ("status", 0.05)),
        codes=(("call_disposition", "call_outcomes", "disposition_code"),),
        happened_at="created_date",
    ),
    ("salesforce", "event"): Facts(
        important=(("owner_id", 0.2), ("start_date_time", 0.05)),
        codes=(("outcome", "meeting_outcomes", "outcome_code"),),
        happened_at="created_date",
    ),
    ("miitel", "call"): Facts(
        important=(("call_type", 0.01), ("call_from", 0.2), ("call_to", 0.2)),
        codes=(("call_type", "call_types", "call_type_code"),),
        happened_at="dial_begin_time",
        answered="call_begin_time",
        dials=("call_type", "^(発信|outbound|outgoing)"),
    ),
    ("sendgrid", "event"): Facts(important=(("email", 0.01), ("event", 0.01))),
}

# --- published marts ---------------------------------------------------------------------------

# Counts that a month of work always moves; the last complete month against the median of those
# before it.
VOLUME_KPIS = ("leads_acquired", "calls_made", "emails_sent", "appointments_set")
TRAILING_MONTHS = 6
FEWEST_TRAILING_MONTHS = 3
# Below this median a month moves by chance.
FEWEST_EVENTS_FOR_VOLUMES = 30
# August and the turn of the year halve a month; a campaign doubles one.
VOLUME_RATIO_FROM = 0.4
VOLUME_RATIO_TO = 2.5
