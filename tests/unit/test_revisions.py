"""Why a published value of a past month changed: pairs of publications made by hand."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from kpi_warehouse.definitions.lineage import CHANNEL_MAPPINGS, MAPPED_FIELDS
from kpi_warehouse.definitions.rules import read_files
from kpi_warehouse.publishing import Store, revisions
from kpi_warehouse.publishing.agreement import (
    MAPPED_OBJECTS,
    NO_KPI,
    agreement_of,
    differences,
)
from kpi_warehouse.publishing.facts import FACT_OF_OBJECT, FACTS
from kpi_warehouse.publishing.revisions import REASON_IDS
from kpi_warehouse.settings import PROJECT_DIR
from published_marts import CALLS, publish, warehouse

SEEDS = PROJECT_DIR / "seeds"
JULY, AUGUST = date(2026, 7, 1), date(2026, 8, 1)
LATE = ("c9", "r1", "2026-07-20", 5, "talked", True, False, "webinar", "L1")


@dataclass
class Pair:
    """Publishes one state after the other, with registries of their own."""

    folder: Path
    store: Store
    days: int = 0

    def registry(self) -> Path:
        """A copy of the seeds that a test may change; its registry."""
        copy = self.folder / f"project{self.days}"
        if not copy.exists():
            shutil.copytree(SEEDS, copy / "seeds")
            shutil.copy(PROJECT_DIR / "dbt_project.yml", copy)
        return copy / "seeds" / "registry"

    def publish(self, calls=CALLS, as_of=date(2026, 9, 15), version=1, **how) -> dict:
        database = warehouse(self.folder / "built.duckdb", calls, as_of, version)
        published = publish(self.store, database, as_of, self.days, **how)
        self.days += 1
        return published.publication

    def rows(self, columns: str, where: str = "true") -> list[tuple]:
        with duckdb.connect(str(self.store.current.database), read_only=True) as connection:
            return connection.execute(
                f"select {columns} from marts.kpi_revisions where {where} order by all"
            ).fetchall()


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path, Store(tmp_path / "published"))


def without(call_id: str) -> tuple:
    return tuple(call for call in CALLS if call[0] != call_id)


def changed(call_id: str, change: Callable[[list], None]) -> tuple:
    found = []
    for call in CALLS:
        cells = list(call)
        if call[0] == call_id:
            change(cells)
        found.append(tuple(cells))
    return tuple(found)


COUNTS = "late_rows, corrected_rows, removed_rows, reclassified_rows, later_rows"
EVENT = "basis = 'event' and channel_id = 'all'"


def test_the_same_again_is_no_revision(pair):
    pair.publish()
    assert pair.publish()["restated_values"] == {}
    assert pair.rows("*") == []


def test_a_late_row(pair):
    pair.publish()
    publication = pair.publish((*CALLS, LATE))
    assert pair.rows(
        f"kpi_id, channel_id, month, reason, reasons, {COUNTS}", "basis = 'event'"
    ) == [
        (kpi_id, channel, JULY, "late_rows", "late_rows", 1, 0, 0, 0, 0)
        for kpi_id in ("calls_made", "connection_rate")
        for channel in ("all", "webinar")
    ]
    assert publication["restated_values"] == {"late_rows": len(pair.rows("kpi_id"))}
    (row,) = pair.rows(
        "old_numerator, new_numerator, old_denominator, new_denominator, old_value, new_value, "
        "round(difference, 6), reason_name_ja, reason_name_en, previous_version, version, "
        "previous_published_at::varchar, published_at::varchar, first_published_at::varchar",
        f"{EVENT} and kpi_id = 'connection_rate'",
    )
    first, second = (each.name for each in pair.store.versions)
    assert row == (
        *(Decimal(1), Decimal(2), Decimal(2), Decimal(3), 0.5, 2 / 3, 0.166667),
        *("遅れて届いたデータ", "Late rows", first, second),
        *("2026-09-16 03:00:00", "2026-09-17 03:00:00", "2026-09-16 03:00:00"),
    )


def test_a_corrected_row(pair):
    pair.publish()
    # the call was on another day of another month: both months change
    pair.publish(changed("c2", lambda cells: cells.__setitem__(2, "2026-08-01")))
    rows = pair.rows(f"month, reason, {COUNTS}", f"{EVENT} and kpi_id = 'calls_made'")
    assert rows == [(month, "corrected_rows", 0, 1, 0, 0, 0) for month in (JULY, AUGUST)]


def test_a_removed_row(pair):
    pair.publish()
    pair.publish(without("c3"))
    rows = pair.rows(f"month, reason, {COUNTS}", f"{EVENT} and kpi_id = 'connection_rate'")
    assert rows == [(AUGUST, "removed_rows", 0, 0, 1, 0, 0)]


def edit(registry: Path, seed: str, change: Callable[[list[dict[str, str]]], None]) -> None:
    path = next(registry.parent.glob(f"*/{seed}.csv"))
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def a_new_code(rows: list[dict[str, str]]) -> None:
    rows.append({**rows[0], "disposition_code": "a code of ours"})


def reclassified(call_id: str = "c4") -> tuple:
    def change(cells: list) -> None:
        cells[4], cells[5] = "talked", True

    return changed(call_id, change)


def test_a_new_mapping(pair):
    pair.publish()
    registry = pair.registry()
    edit(registry, "call_outcomes", a_new_code)
    pair.publish(reclassified(), registry=registry)
    rows = pair.rows(f"kpi_id, month, reason, reasons, {COUNTS}", EVENT)
    assert rows == [("connection_rate", AUGUST, "new_mapping", "new_mapping", 0, 0, 0, 1, 0)]


def test_the_same_change_of_a_row_without_a_new_mapping_is_a_correction(pair):
    pair.publish()
    pair.publish(reclassified())
    assert pair.rows(f"reason, {COUNTS}", EVENT) == [("corrected_rows", 0, 1, 0, 0, 0)]


def test_a_mapping_of_another_time_or_of_other_kpis_is_no_reason(pair):
    pair.publish()
    registry = pair.registry()
    edit(
        registry,
        "call_outcomes",
        lambda rows: rows.append(
            {**rows[0], "disposition_code": "later", "valid_from": "2026-09-01"}
        ),
    )
    edit(
        registry,
        "meeting_outcomes",
        lambda rows: rows.append({**rows[0], "outcome_code": "other"}),
    )
    pair.publish(reclassified(), registry=registry)
    assert pair.rows("reason", EVENT) == [("corrected_rows",)]


def test_a_channel_moves_by_its_mapping_and_the_total_stays(pair):
    pair.publish()
    registry = pair.registry()
    edit(
        registry,
        "lead_sources",
        lambda rows: rows[0].update(channel_id="dm"),
    )
    pair.publish(changed("c1", lambda cells: cells.__setitem__(7, "dm")), registry=registry)
    rows = pair.rows(
        f"channel_id, reason, {COUNTS}", "basis = 'event' and kpi_id = 'connection_rate'"
    )
    # what was 1 of 2 in the webinar channel is 0 of 1; dm had nothing in July
    assert rows == [("webinar", "new_mapping", 0, 0, 0, 1, 0)]


def test_a_new_definition_version(pair):
    pair.publish()
    pair.publish(reclassified(), version=2)
    rows = pair.rows("reason, reasons, old_definition_version, new_definition_version", EVENT)
    assert rows == [("new_definition", "new_definition corrected_rows", 1, 2)]


def test_a_registry_row_that_says_something_else(pair):
    pair.publish()
    registry = pair.registry()

    def change(rows: list[dict[str, str]]) -> None:
        row = next(row for row in rows if row["kpi_id"] == "connection_rate")
        row["denominator_measure_id"] = "approaches_to_targets"

    edit(registry, "kpi_definitions", change)
    pair.publish(reclassified(), registry=registry)
    assert pair.rows("kpi_id, reason", EVENT) == [("connection_rate", "new_definition")]


def test_a_withdrawn_kpi(pair):
    pair.publish()
    database = warehouse(pair.folder / "next.duckdb")
    with duckdb.connect(str(database)) as connection:
        for mart in ("kpi_by_period", "kpi_by_channel_period"):
            connection.execute(f"delete from marts.{mart} where kpi_id = 'calls_made'")
    publish(pair.store, database, days=1)
    rows = pair.rows("kpi_id, month, reason, new_value", EVENT)
    assert rows == [("calls_made", month, "new_definition", None) for month in (JULY, AUGUST)]


def test_a_policy_in_force_then(pair):
    pair.publish()
    registry = pair.registry()

    # KPIs of calls have no policy; say that this one has
    edit(
        registry,
        "measures",
        lambda rows: next(row for row in rows if row["measure_id"] == "calls_connected").update(
            policy_ids="open_window_days"
        ),
    )
    pair.publish(registry=registry)

    def shorter(rows: list[dict[str, str]]) -> None:
        row = next(row for row in rows if row["policy_id"] == "open_window_days")
        rows.append({**row, "policy_value": "7", "effective_from": "2026-08-01"})
        row["effective_to"] = "2026-07-31"

    later = pair.registry()
    shutil.copytree(registry.parent, later.parent, dirs_exist_ok=True)
    edit(later, "kpi_policies", shorter)
    swapped = changed("c1", lambda cells: cells.__setitem__(5, False))
    both = tuple((*call[:5], True, *call[6:]) if call[0] == "c4" else call for call in swapped)
    pair.publish(both, registry=later)
    rows = pair.rows("month, reason, reasons", EVENT)
    # in July the policy is what it was
    assert rows == [
        (JULY, "corrected_rows", "corrected_rows"),
        (AUGUST, "policy", "policy corrected_rows"),
    ]


def test_events_after_the_as_of_date_of_then(pair):
    pair.publish()
    pair.publish(
        (
            *changed("c1", lambda cells: (cells.__setitem__(6, True), cells.__setitem__(5, False))),
            ("c9", "r1", "2026-09-20", 5, "talked", True, False, "webinar", "L1"),
        ),
        as_of=date(2026, 9, 30),
    )
    rows = pair.rows(f"month, reason, {COUNTS}", f"{EVENT} and kpi_id = 'connection_rate'")
    assert rows == [(JULY, "later_events", 0, 0, 0, 0, 1)]


def test_what_nothing_explains_is_unknown(pair):
    pair.publish()
    database = warehouse(pair.folder / "next.duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            "update marts.kpi_by_period set numerator = 7 where period_start = date '2026-07-01'"
        )
    publish(pair.store, database, days=1)
    assert set(pair.rows("reason, late_rows", EVENT)) == {("unknown", 0)}


def test_models_that_compute_anew_are_named_where_nothing_else_explains_it(pair):
    before = agreement_of(SEEDS / "registry", date(2026, 9, 15), False)
    after = {**before, "sql": {**before["sql"], "models": {"int_calls": "another"}}}
    assert differences(before, after).is_computed_anew
    assert not differences(before, before).is_computed_anew
    assert not differences(before, before).definitions


def test_several_reasons_stand_beside_each_other(pair):
    pair.publish()
    registry = pair.registry()
    edit(registry, "call_outcomes", a_new_code)
    more = [
        ("c9", *LATE[1:2], "2026-08-20", *LATE[3:]),
        ("c8", *LATE[1:2], "2026-08-21", *LATE[3:]),
    ]
    less = tuple(call for call in reclassified() if call[0] != "c3")
    pair.publish((*less, *more), registry=registry)
    (row,) = pair.rows(
        f"reason, reasons, {COUNTS}", f"{EVENT} and kpi_id = 'calls_made' and month = '{AUGUST}'"
    )
    assert row == ("new_mapping", "new_mapping late_rows removed_rows", 2, 0, 1, 1, 0)


def test_a_month_in_progress_and_an_immature_cohort_are_no_revision(pair):
    pair.publish()
    late = ("c9", "r1", "2026-09-03", 5, "talked", True, False, "dm", "L2")
    pair.publish((*CALLS, late))
    # L2 was acquired in August, whose cohort is not mature on 15 September
    assert pair.rows("*") == []


def test_a_mature_cohort_is_revised_by_what_comes_late_for_its_leads(pair):
    pair.publish(as_of=date(2026, 10, 15))
    pair.publish(
        (*CALLS, ("c9", "r1", "2026-09-03", 5, "talked", True, False, "webinar", "L1")),
        as_of=date(2026, 10, 15),
    )
    rows = pair.rows(f"basis, month, reason, {COUNTS}", "channel_id = 'all'")
    assert set(rows) == {
        ("cohort", JULY, "late_rows", 1, 0, 0, 0, 0),
        ("event", date(2026, 9, 1), "late_rows", 1, 0, 0, 0, 0),
    }


def test_an_earlier_as_of_date_takes_away_and_revises_nothing(pair):
    pair.publish()
    assert pair.publish(as_of=date(2026, 8, 15))["restated_values"] == {}
    # and forward again: August is compared only with a publication that had it complete
    assert pair.publish((*CALLS, LATE))["restated_values"].keys() == {"late_rows"}
    assert {month for (month,) in pair.rows("month", EVENT)} == {JULY}


def test_the_history_is_carried_from_version_to_version_also_from_a_rollback(pair):
    pair.publish()
    pair.publish((*CALLS, LATE))
    first = pair.rows("version, kpi_id, channel_id")
    pair.publish(without("c3"))
    versions = [each.name for each in pair.store.versions]
    assert {version for (version,) in pair.rows("version")} == set(versions[1:])
    assert set(first) <= set(pair.rows("version, kpi_id, channel_id"))
    with pair.store.writing():
        pair.store.roll_back(versions[0])
    pair.publish((*CALLS, LATE))
    assert {version for (version,) in pair.rows("version")} == {pair.store.current.name}
    assert {version for (version,) in pair.rows("previous_version")} == {versions[0]}


def test_the_seed_has_words_for_each_reason_that_the_rules_give():
    with (SEEDS / "registry" / "revision_reasons.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    ordered = sorted(rows, key=lambda row: int(row["sort_order"]))
    assert tuple(row["reason_id"] for row in ordered) == REASON_IDS
    assert all(f"'{reason_id}'" in revisions._FOUND for reason_id in REASON_IDS)


def test_each_mapping_and_object_of_the_registry_has_its_place():
    files = read_files(SEEDS / "registry")
    placed = [set(MAPPED_FIELDS), CHANNEL_MAPPINGS, set(MAPPED_OBJECTS), NO_KPI]
    assert set(files.mappings) == set.union(*placed)
    assert sum(map(len, placed)) == len(files.mappings)
    objects = {
        field.partition(".")[0]
        for row in (*files.registry.measures, *files.registry.distributions)
        for field in row.source_fields
    }
    # who works where decides no fact's row, but whose it is
    assert objects - {"users"} <= set(FACT_OF_OBJECT)
    assert {fact.name for fact in FACTS} == set(FACT_OF_OBJECT.values())
