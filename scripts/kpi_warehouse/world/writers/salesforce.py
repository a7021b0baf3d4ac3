"""Writes the log as Salesforce extracts: some by API names, some as a replication tool does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from kpi_warehouse.world.log import WorldLog
from kpi_warehouse.world.writers.crm_ids import CrmIds
from kpi_warehouse.world.writers.files import overlapping_parts
from kpi_warehouse.world.writers.generic_records import write_leads, write_opportunities
from kpi_warehouse.world.writers.identities import Doubles
from kpi_warehouse.world.writers.native_calls import NativeCalls
from kpi_warehouse.world.writers.native_files import (
    API,
    REPLICA,
    CsvStyle,
    Encoding,
    snake_cased,
    write_csv,
)
from kpi_warehouse.world.writers.native_mails import NativeMails
from kpi_warehouse.world.writers.salesforce_deals import deal_records
from kpi_warehouse.world.writers.salesforce_events import event_records
from kpi_warehouse.world.writers.salesforce_history import lead_history
from kpi_warehouse.world.writers.salesforce_records import (
    Record,
    campaign_records,
    company_records,
    lead_records,
    people_records,
)
from kpi_warehouse.world.writers.salesforce_tasks import task_records

FOLDER = "salesforce"
OVERLAP = 0.02
"""Share of the tasks that two exports hold alike."""
REPLICATED = {
    "opportunity_history": "opportunity_history",
    "opportunity_field_history": "sf_opportunity_field_history_data",
    "campaign": "campaign",
    "campaign_member": "campaign_member",
    "Task_2": "task_2",
}
"""Frames that a replication tool exports, and its names of the files."""
WITH_MARK = ("Lead_2", "Account")
"""Files with a byte order mark, where all are UTF-8."""


def write_salesforce(
    log: WorldLog,
    ids: CrmIds,
    doubles: Doubles,
    calls: NativeCalls,
    mails: NativeMails,
    folder: Path,
    encoding: Encoding,
) -> dict[str, int]:
    """Writes all objects into `folder/salesforce`.

    Returns:
        Name of each trap that lies in the files, and how often it was laid.
    """
    older, (current, lead_traps) = write_leads(log, doubles)
    older_deals, (deals, deal_traps), history = write_opportunities(log, doubles)
    records = [
        lead_records(log, ids, current, older, deals),
        company_records(log, ids),
        people_records(log, ids),
        campaign_records(log, ids),
        lead_history(log, ids, doubles, current),
        deal_records(log, ids, older_deals, deals, history),
        event_records(log, ids, doubles),
        split_tasks(task_records(log, ids, doubles, calls, mails)),
    ]
    traps = lead_traps | deal_traps
    for record in records:
        traps |= record.traps
        for name, frame in record.frames.items():
            write_object(frame, folder / FOLDER, name, encoding)
    return traps


def split_tasks(record: Record) -> Record:
    """The tasks as two exports of which the second repeats the last rows of the first."""
    tasks = record.frames["Task"]
    first, second = overlapping_parts(tasks, OVERLAP)
    return Record(
        frames={"Task_1": first, "Task_2": second},
        traps=record.traps | {"task_exported_twice": first.height + second.height - tasks.height},
    )


def write_object(frame: pl.DataFrame, folder: Path, name: str, encoding: Encoding) -> None:
    """Writes one file of an object in the style of what exports it."""
    is_replica = name in REPLICATED
    style: CsvStyle = REPLICA if is_replica else API
    if encoding == "cp932":
        style = replace(style, encoding="cp932")
    elif name in WITH_MARK:
        style = replace(style, encoding="utf-8-sig")
    table = snake_cased(frame) if is_replica else frame
    write_csv(table, folder / f"{REPLICATED.get(name, name)}.csv", style)
