"""Writes a log as native extracts: Salesforce, MiiTel and SendGrid, which belong together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.writers import miitel, salesforce, sendgrid
from kpi_warehouse.world.writers.crm_ids import crm_ids, looked_up, user_ids
from kpi_warehouse.world.writers.identities import make_doubles
from kpi_warehouse.world.writers.native_calls import native_calls
from kpi_warehouse.world.writers.native_files import Encoding
from kpi_warehouse.world.writers.native_mails import native_mails

FOLDERS = (salesforce.FOLDER, miitel.FOLDER, sendgrid.FOLDER)


def write_native(log: WorldLog, folder: Path, encoding: Encoding = "mixed") -> dict[str, int]:
    """Writes the log's extracts into the folders of the three systems.

    Returns:
        Name of each trap that lies in the extracts, and how often it was laid.
    """
    doubles = make_doubles(log)
    ids = crm_ids(log, doubles)
    calls = native_calls(log, doubles)
    mails = native_mails(log, doubles)
    traps = salesforce.write_salesforce(log, ids, doubles, calls, mails, folder, encoding)
    traps |= miitel.write_miitel(log, calls, folder, encoding)
    traps |= sendgrid.write_sendgrid(log, mails, folder)
    return dict(sorted((traps | calls.traps | mails.traps).items()))


def with_native_rep_ids(log: WorldLog) -> WorldLog:
    """The log with Salesforce's ids of the reps in the attendance, which planning takes from it."""
    attendance = log.attendance
    rep_id = looked_up(attendance["rep_id"], user_ids(log), "id")
    return replace(log, attendance=attendance.with_columns(rep_id=rep_id))
