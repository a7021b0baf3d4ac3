"""The rules of the registry on its files alone: each defect is one message that says the mend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from registry_files import Files

from kpi_warehouse.definitions import registry_problems
from kpi_warehouse.definitions.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
# what is well -----------------------------------------------------------------------------------


def test_the_registry_breaks_no_rule() -> None:
    assert registry_problems(ROOT / "seeds" / "registry") == []


def test_a_second_version_follows_the_first(files: Files) -> None:
    files.second_version("connection_rate", "2026-09-30", "2026-10-01", maturity_days="60")
    assert registry_problems(files.registry) == []


def test_a_draft_touches_nothing_that_is_in_force(files: Files) -> None:
    files.add(
        "kpi_definitions",
        "connection_rate",
        version="2",
        status="draft",
        effective_from="2026-10-01",
        numerator_measure_id="target_connections",
    )
    assert registry_problems(files.registry) == []


def test_a_policy_changes_where_its_kpis_begin_a_new_version(files: Files) -> None:
    files.set("kpi_policies", "open_window_days", effective_to="2026-09-30")
    files.add(
        "kpi_policies",
        "open_window_days",
        policy_value="7",
        effective_from="2026-10-01",
        effective_to="",
    )
    for kpi_id in ("email_open_rate", "email_open_rate_human", "machine_open_share"):
        files.second_version(kpi_id, "2026-09-30", "2026-10-01")
    assert registry_problems(files.registry) == []


def test_a_row_of_a_policy_that_keeps_its_value_changes_nothing(files: Files) -> None:
    files.set("kpi_policies", "open_window_days", effective_to="2026-09-30")
    files.add("kpi_policies", "open_window_days", effective_from="2026-10-01", effective_to="")
    assert registry_problems(files.registry) == []


# what is wrong: the defect, where it is said to be, and what its message says ---------------------


def gap(files: Files) -> None:
    files.second_version("connection_rate", "2026-09-30", "2026-10-03")


def overlap(files: Files) -> None:
    files.second_version("connection_rate", "2026-10-15", "2026-10-01")


def two_open(files: Files) -> None:
    files.second_version("connection_rate", "", "2026-10-01")


def ends_before_it_begins(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", effective_to="1999-12-31")


def retired_and_open(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", status="retired")


def status_misspelt(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", status="aggreed")


def number_left_out(files: Files) -> None:
    files.second_version("connection_rate", "2026-09-30", "2026-10-01", version="3")
    files.remove("kpi_signoffs", kpi_id="connection_rate", version="2")
    files.sign("connection_rate", "3")


def two_drafts(files: Files) -> None:
    for version in ("2", "3"):
        files.add("kpi_definitions", "connection_rate", version=version, status="draft")


def draft_below(files: Files) -> None:
    files.second_version("connection_rate", "2026-09-30", "2026-10-01")
    rows = files.rows("kpi_definitions")
    next(row for row in rows if row["kpi_id"] == "connection_rate")["status"] = "draft"
    files.write("kpi_definitions", rows)


def sign_off_missing(files: Files) -> None:
    files.remove("kpi_signoffs", kpi_id="email_open_rate", department_id="marketing")


def sign_off_of_nobody(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", required_signoffs="")


def sign_off_of_strangers(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", required_signoffs="inside_sales|legal")
    files.add("kpi_signoffs", "connection_rate", department_id="inside_sales", version="9")


def owner_unknown(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", owner_department="legal")


def measure_unknown(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", numerator_measure_id="calls_answered")


def measure_unused(files: Files) -> None:
    files.add("measures", "calls_made", measure_id="calls_missed")


def policy_of_a_measure_unknown(files: Files) -> None:
    files.set("measures", "calls_made", policy_ids="ring_seconds")


def measure_without_fields(files: Files) -> None:
    files.set("measures", "calls_made", source_fields="")


def no_denominator(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", denominator_measure_id="")


def no_sample(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", sample_measure_id="")


def count_over_something(files: Files) -> None:
    files.set("kpi_definitions", "calls_made", denominator_measure_id="working_hours")


def neither_counted_nor_a_statistic(files: Files) -> None:
    files.set("kpi_definitions", "median_deal", distribution_id="", statistic="")


def counted_and_a_statistic(files: Files) -> None:
    files.set("kpi_definitions", "median_deal", numerator_measure_id="deals_won")


def statistic_over_something(files: Files) -> None:
    files.set("kpi_definitions", "median_deal", denominator_measure_id="deals_won")


def statistic_of_nothing(files: Files) -> None:
    files.set("kpi_definitions", "calls_made", statistic="median")


def statistic_unknown(files: Files) -> None:
    files.set("kpi_definitions", "median_deal", statistic="mean")


def distribution_unknown(files: Files) -> None:
    files.set("kpi_definitions", "median_deal", distribution_id="deal_size")


def distribution_in_another_unit(files: Files) -> None:
    files.set("distributions", "deal_amount", unit="days")


def distribution_that_settles_later(files: Files) -> None:
    files.set("distributions", "deal_amount", maturity_days="365")


def statistic_that_is_a_part(files: Files) -> None:
    files.set("kpi_definitions", "median_deal", is_subset_event="true")


def unfinished_by_their_event(files: Files) -> None:
    files.set("kpi_definitions", "speed_to_lead_km_median", has_event_basis="true")


def policy_of_a_distribution_unknown(files: Files) -> None:
    files.set("distributions", "deal_amount", policy_ids="ring_seconds")


def distribution_without_fields(files: Files) -> None:
    files.set("distributions", "deal_amount", source_fields="")


def statistic_changes(files: Files) -> None:
    files.second_version("median_deal", "2026-09-30", "2026-10-01", statistic="p90")


def unit_unknown(files: Files) -> None:
    files.set("kpi_definitions", "calls_made", unit="calls")


def unit_changes(files: Files) -> None:
    files.second_version("connection_rate", "2026-09-30", "2026-10-01", unit="ratio")


def dimension_changes(files: Files) -> None:
    files.second_version("connection_rate", "2026-09-30", "2026-10-01", has_rep="false")


def order_taken(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", sort_order="20")


def name_taken(files: Files) -> None:
    files.set("kpi_definitions", "meeting_rate_per_lead", name_ja="商談化率")


def policy_gap(files: Files) -> None:
    files.set("kpi_policies", "open_window_days", effective_to="2026-09-30")
    files.add("kpi_policies", "open_window_days", effective_from="2026-10-02", effective_to="")


def policy_overlap(files: Files) -> None:
    files.add("kpi_policies", "open_window_days", effective_from="2026-10-02", effective_to="")


def policy_begins_late(files: Files) -> None:
    files.set("kpi_policies", "open_window_days", effective_from="2020-01-01")


def policy_ends(files: Files) -> None:
    files.set("kpi_policies", "open_window_days", effective_to="2030-01-01")


def policy_out_of_range(files: Files) -> None:
    files.set("kpi_policies", "open_window_days", policy_value="91")


def policy_of_no_value(files: Files) -> None:
    files.set("kpi_policies", "meeting_counts_at", policy_value="signature")


def policy_missing(files: Files) -> None:
    files.remove("kpi_policies", policy_id="influence_window_days")
    for seed in ("measures", "distributions"):
        rows = files.rows(seed)
        for row in rows:
            row["policy_ids"] = row["policy_ids"].replace("influence_window_days", "")
        files.write(seed, rows)


def policy_renamed(files: Files) -> None:
    files.set("kpi_policies", "small_sample_below", effective_to="2026-09-30")
    files.add(
        "kpi_policies",
        "small_sample_below",
        effective_from="2026-10-01",
        effective_to="",
        name_en="Small",
    )


def policy_changes_alone(files: Files) -> None:
    files.set("kpi_policies", "follow_up_starts", effective_to="2026-09-30")
    files.add(
        "kpi_policies",
        "follow_up_starts",
        policy_value="after_first_contact",
        effective_from="2026-10-01",
        effective_to="",
    )
    files.second_version("follow_ups", "2026-09-30", "2026-10-01")
    files.second_version("connectors", "2026-09-30", "2026-10-01")


def code_of_two_meanings(files: Files) -> None:
    files.add("meeting_outcomes", "attended", outcome="no_show", valid_from="2026-10-01")


def code_that_ends_early(files: Files) -> None:
    files.set("meeting_outcomes", "attended", valid_from="2026-10-01", valid_to="2026-09-30")


def version_twice(files: Files) -> None:
    files.add("kpi_signoffs", "connection_rate", signed_on="2026-03-18")


def no_date(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", effective_from="2026-02-30")


def no_flag(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", has_rep="yes")


def no_number(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", version="one")


def no_snake_case(files: Files) -> None:
    files.set("kpi_definitions", "connection_rate", kpi_id="connection-rate")


def cell_too_many(files: Files) -> None:
    files.replace("kpi_policies.csv", b"meeting_counts_at,first", b"meeting_counts_at,,first")


def column_missing(files: Files) -> None:
    files.replace("kpi_signoffs.csv", b"signed_on", b"signed")


def no_utf8(files: Files) -> None:
    files.replace("measures.csv", "架電数".encode(), "架電数".encode("cp932"))


def quote_left_open(files: Files) -> None:
    files.replace("measures.csv", b"\ncalls_made,", b'\n"calls_made,')


def no_file(files: Files) -> None:
    (files.registry / "kpi_signoffs.csv").unlink()


def no_rows(files: Files) -> None:
    (files.registry / "kpi_signoffs.csv").write_text("kpi_id,version,department_id,signed_on\n")


def no_date_of_a_mapping(files: Files) -> None:
    files.set("meeting_outcomes", "attended", valid_from="soon")


Defect = Callable[[Files], None]
DEFECTS: dict[Defect, tuple[str, ...]] = {
    gap: ("connection_rate: no version holds from 2026-10-01 to 2026-10-02",),
    overlap: ("connection_rate: versions 1 and 2 overlap from 2026-10-01 to 2026-10-15",),
    two_open: ("connection_rate: version 1 is open while version 2 begins",),
    ends_before_it_begins: ("connection_rate version 1: ends on 1999-12-31 before",),
    retired_and_open: ("connection_rate version 1: is retired and has no end",),
    status_misspelt: ("connection_rate version 1: status is 'aggreed'",),
    number_left_out: ("connection_rate: its versions are 1, 3: number them 1 to 2",),
    two_drafts: ("connection_rate: versions 2 and 3 are drafts",),
    draft_below: ("connection_rate version 1: is a draft below version 2",),
    sign_off_missing: ("email_open_rate version 1: is agreed without the sign-off of marketing",),
    sign_off_of_nobody: ("connection_rate version 1: required_signoffs is empty",),
    sign_off_of_strangers: (
        "connection_rate version 1: requires the sign-off of legal",
        "connection_rate version 1: is agreed without the sign-off of legal",
        "connection_rate version 9 inside_sales: signs a version that does not exist",
    ),
    owner_unknown: ("connection_rate version 1: is owned by legal: known are marketing, ",),
    measure_unknown: ("connection_rate version 1: names the unknown measure calls_answered",),
    measure_unused: ("calls_missed: no KPI uses this measure",),
    policy_of_a_measure_unknown: ("calls_made: names the unknown policy ring_seconds",),
    measure_without_fields: ("calls_made: source_fields is empty",),
    no_denominator: ("connection_rate version 1: is a rate without a denominator",),
    no_sample: ("connection_rate version 1: is a rate without sample_measure_id",),
    count_over_something: ("calls_made version 1: is a count over a denominator",),
    neither_counted_nor_a_statistic: (
        "median_deal version 1: names neither a numerator_measure_id nor a distribution_id",
    ),
    counted_and_a_statistic: (
        "median_deal version 1: names both a numerator_measure_id and a distribution_id",
    ),
    statistic_over_something: ("median_deal version 1: is a statistic over a measure",),
    statistic_of_nothing: ("calls_made version 1: is the median of no distribution",),
    statistic_unknown: ("median_deal version 1: statistic is mean: write median, p90, km_median",),
    distribution_unknown: ("median_deal version 1: names the unknown distribution deal_size",),
    distribution_in_another_unit: (
        "median_deal version 1: unit is jpy, that of its distribution days",
    ),
    distribution_that_settles_later: (
        "median_deal version 1: maturity_days is 180, that of its distribution 365",
    ),
    statistic_that_is_a_part: ("median_deal version 1: is_subset_event is true",),
    unfinished_by_their_event: ("speed_to_lead_km_median version 1: has_event_basis is true",),
    policy_of_a_distribution_unknown: ("deal_amount: names the unknown policy ring_seconds",),
    distribution_without_fields: ("deal_amount: source_fields is empty",),
    statistic_changes: ("median_deal version 2: statistic is p90, in version 1 median",),
    unit_unknown: ("calls_made version 1: unit is 'calls'",),
    unit_changes: ("connection_rate version 2: unit is ratio, in version 1 rate",),
    dimension_changes: ("connection_rate version 2: has_rep is false, in version 1 true",),
    order_taken: ("calls_made and connection_rate: have the same sort_order 20",),
    name_taken: ("meeting_rate and meeting_rate_per_lead: have the same name_ja 商談化率",),
    policy_gap: ("open_window_days: has no value from 2026-10-01 to 2026-10-01",),
    policy_overlap: ("open_window_days: has two values on 2026-10-02",),
    policy_begins_late: ("open_window_days: has no value before 2020-01-01",),
    policy_ends: ("open_window_days: has no value after 2030-01-01",),
    policy_out_of_range: ("open_window_days: is 91 from 2000-01-01: allowed is 1-90",),
    policy_of_no_value: ("meeting_counts_at: is signature from 2000-01-01: allowed is first_",),
    policy_missing: ("influence_window_days: has no value, and models read it",),
    policy_renamed: ("small_sample_below: name_en differs between its rows",),
    policy_changes_alone: (
        "connector_rate version 1: policy follow_up_starts becomes after_first_contact on "
        "2026-10-01, while this version is in force: set effective_to of version 1 to 2026-09-30 "
        "and add version 2 from 2026-10-01 with its sign-offs",
    ),
    code_of_two_meanings: ("meeting_outcomes.csv: 'attended' has two meanings on 2026-10-01",),
    code_that_ends_early: ("meeting_outcomes.csv: 'attended' ends on 2026-09-30 before",),
    version_twice: ("kpi_signoffs.csv: connection_rate version 1 inside_sales stands there 2",),
    no_date: ("kpi_definitions.csv line 9: effective_from is '2026-02-30'",),
    no_flag: ("kpi_definitions.csv line 9: has_rep is 'yes': write true or false",),
    no_number: ("kpi_definitions.csv line 9: version is 'one': write a whole number from 1",),
    no_snake_case: ("kpi_definitions.csv line 9: kpi_id is 'connection-rate'",),
    cell_too_many: ("kpi_policies.csv: line 2 has 12 cells and the header 11",),
    column_missing: ("kpi_signoffs.csv: lacks the column signed_on",),
    no_utf8: ("measures.csv: is not UTF-8",),
    quote_left_open: ("measures.csv: is no CSV file",),
    no_file: ("kpi_signoffs.csv: does not exist",),
    no_rows: ("kpi_signoffs.csv: has no rows",),
    no_date_of_a_mapping: ("meeting_outcomes.csv line 5: valid_from is 'soon'",),
}


@pytest.mark.parametrize(
    ("defect", "messages"),
    [pytest.param(defect, texts, id=defect.__name__) for defect, texts in DEFECTS.items()],
)
def test_a_defect_is_named_with_its_mend(
    files: Files, defect: Defect, messages: tuple[str, ...]
) -> None:
    defect(files)
    found = registry_problems(files.registry)
    assert len(found) == len(messages), found
    for text in messages:
        assert any(text in problem for problem in found), found
    assert all(": " in problem and "\n" not in problem for problem in found)


def test_every_rule_has_a_name_and_says_what_holds() -> None:
    assert len({rule.__name__ for rule in RULES}) == len(RULES)
    assert all(rule.__doc__ for rule in RULES)
