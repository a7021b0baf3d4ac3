"""Which files belong to which object, and which are read again."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from kpi_warehouse.landing import ObjectLayout, land, read_layouts
from kpi_warehouse.landing.discovery import object_of

HEADER = "lead_id,created_at\n"
OBJECTS = [
    ObjectLayout("generic", name, ("id",), ("id",))
    for name in ("emails", "email_events", "leads", "lead_status_history", "kgi")
]


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("leads.csv", "leads"),
        ("leads-2.csv", "leads"),
        ("leads2025.parquet", "leads"),
        ("Leads (1).CSV", "leads"),
        ("leads_2025-04.csv.gz", "leads"),
        ("lead_status_history.csv", "lead_status_history"),
        ("emails.csv", "emails"),
        ("email_events_1.csv", "email_events"),
        ("kgi.jsonl", "kgi"),
        ("leadership.csv", None),
        ("leadsx.csv", None),
        ("leads集計.csv", None),
        ("my_leads.csv", None),
        ("leads_tokyo.csv", "leads"),
        ("lead-status history.csv", "lead_status_history"),
        ("LeadStatusHistory_2026.csv", "lead_status_history"),
        ("generic_leads.csv", "leads"),
    ],
)
def test_a_file_belongs_to_the_longest_object_that_its_name_begins_with(file_name, expected):
    found = object_of(file_name, OBJECTS)
    assert (found.name if found else None) == expected


NATIVE = [
    ObjectLayout("salesforce", "lead", ("id",), ("id",)),
    ObjectLayout("salesforce", "opportunity", ("id",), ("id",), file_names=("商談",)),
    ObjectLayout("salesforce", "opportunity_history", ("id",), ("id",)),
]


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("Lead.csv", "lead"),
        ("leads-2.csv", "lead"),
        ("sf_lead_data.csv", "lead"),
        ("salesforce_leads_export_2026-04.csv", "lead"),
        ("LeadReport (3).csv", "lead"),
        ("Opportunity.csv.gz", "opportunity"),
        ("OpportunityHistory_2026.csv", "opportunity_history"),
        ("sf_opportunity_history_data.csv", "opportunity_history"),
        ("商談レポート.csv", "opportunity"),
        ("商談_2026.csv", "opportunity"),
        ("sf_opportunity_line_item_data.csv", None),
        ("OpportunityLineItem.csv", None),
        ("lead_status.csv", None),
        ("LeadHistory.csv", None),
        ("商談履歴.csv", None),
        ("datalead.csv", None),
    ],
)
def test_a_file_of_a_native_system(file_name, expected):
    found = object_of(file_name, NATIVE)
    assert (found.name if found else None) == expected


def test_the_projects_own_sources_are_the_layouts():
    staging = Path(__file__).parents[2] / "models" / "staging"
    layouts = {(layout.system, layout.name): layout for layout in read_layouts(staging)}
    assert layouts["generic", "calls"].required == ("call_id", "started_at")
    assert "recipient" in layouts["generic", "email_events"].columns
    assert ("planning", "targets") in layouts
    assert all(layout.required for layout in layouts.values())


def test_files_of_no_known_object_or_format_are_reported_and_left_out(folder):
    folder.write("generic/leads.csv", HEADER)
    unknown = ["generic/deals.csv", "generic/leads.xlsx", "other/leads.csv", "stray.csv"]
    for name in [*unknown, "generic/.hidden.csv", "sample.json", "notes/readme.txt"]:
        folder.write(name, "x")
    report = folder.land()
    assert sorted(report.unknown) == unknown
    assert [line for line in folder.lines if line.startswith("warning: generic/deals.csv")]


def test_several_files_are_one_table_and_an_absent_object_is_an_empty_one(folder, landed):
    folder.write("generic/leads.csv", HEADER + "a,1\n")
    folder.write("generic/leads-2.csv", HEADER + "b,2\n")
    report = folder.land()
    assert sorted(landed("generic/leads", "lead_id")) == [("a",), ("b",)]
    assert landed("planning/targets") == []
    assert report.row_count == 2


def test_the_account_of_files_names_each_with_its_rows(folder):
    folder.write("generic/leads.csv", HEADER + "a,1\nb,2\n")
    folder.write("generic/leads-2.csv", HEADER)
    folder.land()
    account = pq.read_table(folder.landing / "_files" / "files.parquet").to_pylist()
    assert [
        (row["system"], row["object"], row["file_name"], row["row_count"]) for row in account
    ] == [
        ("generic", "leads", "generic/leads-2.csv", 0),
        ("generic", "leads", "generic/leads.csv", 2),
    ]
    assert all(len(row["file_hash"]) == 64 for row in account)


@pytest.mark.parametrize("sample_as_of", [None, date(2026, 9, 30)])
def test_the_context_tells_where_a_sample_ends(folder, sample_as_of):
    folder.write("generic/leads.csv", HEADER)
    land(folder.extracts, folder.landing, folder.layouts, folder.lines.append, sample_as_of)
    context = pq.read_table(folder.landing / "_context" / "context.parquet").to_pylist()
    assert context == [{"as_of_date": sample_as_of.isoformat() if sample_as_of else None}]


def test_only_new_and_changed_files_are_read(folder, landed):
    folder.write("generic/leads.csv", HEADER + "a,1\n")
    assert folder.land().read == ("generic/leads.csv",)
    assert folder.land().unchanged == ("generic/leads.csv",)

    folder.write("generic/leads-2.csv", HEADER + "b,1\n")
    assert folder.land().read == ("generic/leads-2.csv",)

    folder.write("generic/leads.csv", HEADER + "c,1\n")
    assert folder.land().read == ("generic/leads.csv",)
    assert landed("generic/leads", "lead_id") == [("b",), ("c",)]


def test_a_file_that_was_only_touched_is_not_read_again(folder):
    path = folder.write("generic/leads.csv", HEADER + "a,1\n")
    folder.land()
    os.utime(path, ns=(1, 1))
    assert folder.land().unchanged == ("generic/leads.csv",)
    path.write_text(HEADER + "b,1\n")
    os.utime(path, ns=(2, 2))
    assert folder.land().read == ("generic/leads.csv",)


def test_a_new_interface_reads_its_files_again(folder, landed):
    folder.write("generic/leads.csv", HEADER + "a,1\n")
    folder.land()
    leads, *others = folder.layouts
    folder.layouts = [replace(leads, columns=(*leads.columns, "title")), *others]
    assert folder.land().read == ("generic/leads.csv",)
    assert landed("generic/leads", "title") == [(None,)]


def test_what_was_landed_of_a_removed_file_is_removed(folder, landed):
    path = folder.write("generic/leads.csv", HEADER + "a,1\n")
    folder.write("generic/leads-2.csv", HEADER + "b,1\n")
    folder.land()
    path.unlink()
    assert folder.land().removed == ("generic/leads.csv",)
    assert landed("generic/leads", "lead_id") == [("b",)]
    assert folder.land().removed == ()


def test_what_was_landed_of_a_removed_object_is_removed(folder):
    folder.write("generic/leads.csv", HEADER + "a,1\n")
    folder.write("planning/targets.csv", "kpi_id,month\n")
    folder.land()
    folder.layouts = [each for each in folder.layouts if each.name != "targets"]
    folder.land()
    assert not list((folder.landing / "planning").rglob("*.parquet"))


@pytest.mark.parametrize("damage", ["missing", "cut", "manifest missing", "manifest cut"])
def test_a_damaged_landing_is_made_whole(folder, landed, damage):
    folder.write("generic/leads.csv", HEADER + "a,1\n")
    folder.land()
    parquet = folder.landing / "generic" / "leads" / "leads.csv.parquet"
    target = folder.landing / "manifest.json" if "manifest" in damage else parquet
    if "cut" in damage:
        target.write_bytes(target.read_bytes()[:40])
    else:
        target.unlink()
    assert folder.land().read == ("generic/leads.csv",)
    assert landed("generic/leads", "lead_id") == [("a",)]


class Killed(BaseException):
    """Stands for the process being killed: nothing after it runs."""


def _kill_after(monkeypatch, replacements: int) -> None:
    """Let the process die right before the next `os.replace` after so many."""
    done = 0
    real = os.replace

    def replace_or_die(source, target):
        nonlocal done
        if done == replacements:
            raise Killed
        done += 1
        real(source, target)

    monkeypatch.setattr(os, "replace", replace_or_die)


@pytest.mark.parametrize("replacements", range(13))
def test_a_run_that_was_killed_at_any_time_is_taken_up_by_the_next(
    folder, landed, monkeypatch, replacements
):
    changed = folder.write("generic/leads.csv", HEADER + "a,1\n")
    before = changed.stat()
    folder.write("generic/leads-2.csv", HEADER + "b,1\n")
    folder.land()
    folder.write("generic/leads.csv", HEADER + "x,1\ntorn\n")
    folder.write("generic/leads-3.csv", HEADER + "c,1\n")
    with monkeypatch.context() as patch:
        _kill_after(patch, replacements)
        with pytest.raises(Killed):
            folder.land()

    # the worst case: the older version comes back, with the time and size that it had
    folder.write("generic/leads.csv", HEADER + "a,1\n")
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    folder.land()
    assert sorted(landed("generic/leads", "lead_id")) == [("a",), ("b",), ("c",)]
    assert not list(folder.landing.rglob("*.partial"))
    account = pq.read_table(folder.landing / "_files" / "files.parquet")
    assert sorted(account["row_count"].to_pylist()) == [1, 1, 1]


def test_leftovers_of_a_killed_run_are_cleared(folder):
    folder.write("generic/leads.csv", HEADER + "a,1\n")
    folder.land()
    (folder.landing / "generic" / "leads" / "leads.csv.parquet.partial").write_text("x")
    (folder.landing / "_spill").mkdir()
    folder.land()
    assert not list(folder.landing.rglob("*.partial"))
    assert not (folder.landing / "_spill").exists()
