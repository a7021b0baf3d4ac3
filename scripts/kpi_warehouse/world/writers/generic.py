"""Writes a log as generic extracts (`generic/`): the layout for systems without an adapter."""

from __future__ import annotations

from pathlib import Path

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.writers.files import FileFormat, overlapping_parts, write_frame
from kpi_warehouse.world.writers.generic_calls import write_calls
from kpi_warehouse.world.writers.generic_emails import write_emails
from kpi_warehouse.world.writers.generic_records import (
    write_appointments,
    write_leads,
    write_opportunities,
    write_permissions,
    write_status_history,
    write_touches,
    write_users,
)
from kpi_warehouse.world.writers.identities import make_doubles

FOLDER = "generic"
OVERLAP = 0.02
"""Share of calls and mail events that two exports hold alike."""


def write_generic(log: WorldLog, folder: Path, file_format: FileFormat = "csv") -> dict[str, int]:
    """Writes the log's extracts into `folder/generic`.

    Leads and opportunities come as an earlier export with some records in an earlier state and the
    current one; calls and mail events as two exports that overlap.

    Returns:
        Name of each trap that lies in the extracts, and how often it was laid.
    """
    target = folder / FOLDER
    doubles = make_doubles(log)
    older_leads, (leads, traps) = write_leads(log, doubles)
    older_deals, (deals, deal_traps), history = write_opportunities(log, doubles)
    traps = traps | deal_traps
    write_frame(older_leads, target, "leads_1", file_format)
    write_frame(leads, target, "leads_2", file_format)
    write_frame(older_deals, target, "opportunities_1", file_format)
    write_frame(deals, target, "opportunities_2", file_format)
    write_frame(history, target, "opportunity_stage_history", file_format)
    for name, (rows, planted) in {
        "lead_status_history": write_status_history(log, doubles),
        "touches": write_touches(log, doubles),
        "appointments": write_appointments(log, doubles),
        "permissions": write_permissions(log, doubles),
        "users": write_users(log),
    }.items():
        write_frame(rows, target, name, file_format)
        traps |= planted

    calls = write_calls(log, doubles)
    first_calls, second_calls = overlapping_parts(calls.frame, OVERLAP)
    write_frame(first_calls, target, "calls_1", file_format)
    write_frame(second_calls, target, "calls_2", file_format)
    mails = write_emails(log, doubles)
    write_frame(mails.emails, target, "emails", file_format)
    first_events, second_events = overlapping_parts(mails.events, OVERLAP)
    write_frame(first_events, target, "email_events_1", file_format)
    write_frame(second_events, target, "email_events_2", file_format)
    repeated = {
        "call_row_exported_twice": first_calls.height + second_calls.height - calls.frame.height,
        "mail_event_exported_twice": first_events.height
        + second_events.height
        - mails.events.height,
    }
    return dict(sorted((traps | calls.traps | mails.traps | repeated).items()))
