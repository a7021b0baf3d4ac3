"""Every expectation on the published marts fails on a warehouse that was damaged for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb
import pytest

from expectations.conftest import REGISTRY
from integration.conftest import QUICK

pytest.importorskip("great_expectations", reason="group quality is not installed")

from kpi_warehouse.quality import published_suite
from kpi_warehouse.quality.published_contract import MARTS

AS_OF_DATE = QUICK.as_of_date


@dataclass(frozen=True)
class Damage:
    """What is done to the warehouse, and the expectation of a suite that must fail on it."""

    suite: str
    rule: str
    sql: str
    as_of_date: dt.date = AS_OF_DATE

    def __str__(self) -> str:
        return self.rule


ONE_MONTH = "basis = 'event' and period_grain = 'month' and period_start = date '2026-05-01'"

DAMAGES = [
    Damage("marts", "mart_missing", "drop table marts.definition_gap"),
    Damage("marts", "mart_empty", "delete from marts.fct_activities"),
    Damage("marts", "mart_columns_missing", "alter table marts.fct_leads rename segment to size"),
    Damage(
        "marts",
        "mart_types_changed",
        "alter table marts.fct_activities alter touch_number type int",
    ),
    Damage(
        "marts",
        "mart_keys_repeated",
        "insert into marts.fct_leads select * from marts.fct_leads limit 1",
    ),
    Damage("marts", "mart_keys_empty", "update marts.fct_leads set lead_id = null"),
    Damage("marts", "personal_data", "update marts.fct_leads set segment = 'a.sato@example.co.jp'"),
    Damage(
        "marts", "personal_data", "update marts.fct_leads set segment = '佐藤 03-1234-5678まで'"
    ),
    Damage("marts", "personal_data", "update marts.fct_leads set segment = '+81 3 1234 5678'"),
    Damage("marts", "personal_data", "update marts.fct_leads set segment = '09012345678'"),
    Damage("marts", "personal_data", "update marts.fct_leads set rep_id = 'a.sato@example.co.jp'"),
    Damage("registry", "kpi_undefined", "delete from marts.dim_kpis where kpi_id = 'win_rate'"),
    Damage(
        "registry",
        "kpi_missing",
        "delete from marts.kpi_by_rep_period where kpi_id = 'win_rate' and basis = 'cohort'",
    ),
    Damage(
        "values",
        "rate_out_of_range",
        "update marts.kpi_by_period set value = 1.5 "
        f"where kpi_id = 'connection_rate' and {ONE_MONTH}",
    ),
    Damage(
        "values",
        "rate_out_of_range",
        "update marts.kpi_by_period set value = -0.5 "
        f"where kpi_id = 'meeting_rate' and {ONE_MONTH}",
    ),
    Damage(
        "values",
        "numerator_exceeds",
        "update marts.kpi_by_channel_period set numerator = denominator + 1 "
        f"where kpi_id = 'connection_rate' and {ONE_MONTH}",
    ),
    Damage(
        "values",
        "count_negative",
        "update marts.kpi_by_period set numerator = -1 "
        f"where kpi_id = 'calls_made' and {ONE_MONTH}",
    ),
    Damage(
        "values",
        "value_not_quotient",
        "update marts.kpi_by_team_period set value = value / 2 "
        f"where kpi_id = 'connection_rate' and {ONE_MONTH}",
    ),
    Damage(
        "values",
        "value_not_quotient",
        "update marts.kpi_by_period set numerator = 0, denominator = 0, value = 0 "
        f"where kpi_id = 'connection_rate' and {ONE_MONTH}",
    ),
    Damage(
        "values",
        "value_not_quotient",
        "update marts.kpi_by_period set numerator = denominator * value "
        f"where kpi_id = 'median_deal' and {ONE_MONTH}",
    ),
    Damage(
        "values",
        "value_not_quotient",
        "update marts.kpi_by_period set denominator = 0 "
        f"where kpi_id = 'speed_to_lead_p90' and {ONE_MONTH}",
    ),
    Damage(
        "values",
        "interval_wrong",
        "update marts.kpi_by_period set ci_low = value + 0.01 "
        f"where kpi_id = 'connection_rate' and {ONE_MONTH}",
    ),
    Damage(
        "periods",
        "periods_missing",
        "delete from marts.kpi_by_period "
        "where period_grain = 'week' and period_start = date '2026-05-04'",
    ),
    Damage("periods", "periods_behind", "select 1", AS_OF_DATE + dt.timedelta(days=40)),
    Damage(
        "periods",
        "periods_open",
        f"update marts.kpi_by_period set is_complete = false where {ONE_MONTH}",
    ),
    Damage(
        "funnel",
        "funnel_kpi_missing",
        "alter table marts.funnel_by_channel_period drop column win_rate",
    ),
    Damage(
        "funnel",
        "funnel_differs",
        "update marts.funnel_by_channel_period set connection_rate = 0.123 "
        "where period_grain = 'month' and period_start = date '2026-05-01'",
    ),
    Damage(
        "funnel",
        "funnel_differs",
        "delete from marts.funnel_by_channel_period where channel_id = 'referral'",
    ),
    Damage(
        "funnel",
        "funnel_sum_differs",
        "update marts.funnel_by_channel_period set calls_made = calls_made + 1 "
        "where period_grain = 'month' and channel_id = 'referral'",
    ),
    Damage(
        "volumes",
        "volume_unusual",
        "update marts.kpi_by_period set numerator = numerator / 10 where kpi_id = 'calls_made' "
        "and basis = 'event' and period_grain = 'month' and period_start = date '2026-09-01'",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_damaged_warehouse_fails_its_expectation(damage, damaged, validate) -> None:
    damaged.execute(damage.sql)
    batch = _batch(damaged, damage.suite, damage.as_of_date)
    findings = validate(batch)
    assert all(finding.was_checked for finding in findings)
    assert damage.rule in {finding.rule.rule_id for finding in findings}


def test_every_expectation_has_its_damage(warehouse) -> None:
    expected = {
        (batch.name.removeprefix("published."), each.meta["rule"])
        for batch in published_suite.published_batches(warehouse, REGISTRY, AS_OF_DATE)
        for each in batch.expectations
    }
    assert len(expected) > 10
    assert {(damage.suite, damage.rule) for damage in DAMAGES} == expected


def test_a_missing_table_stops_the_profile_and_is_said(damaged, validate) -> None:
    damaged.execute("drop table marts.kpi_by_period")
    batches = list(published_suite.published_batches(damaged, REGISTRY, AS_OF_DATE))
    assert [batch.name for batch in batches] == ["published.marts"]
    (finding,) = validate(batches[0])
    assert (finding.rule.rule_id, finding.where) == (
        "mart_missing",
        "marts, is_published: kpi_by_period",
    )


def test_what_looks_like_personal_data_and_is_none(damaged, validate) -> None:
    """Ids, dates and texts with digits; a rep's name is allowed where the contract says so."""
    harmless = (
        "0123456789012345678",
        "2026-09-01",
        "generic:call:0120-1234-5678-90ab",
        "3f0a0123-4567-8901-abcd-0312345678ff",
        "アポ獲得 @9:30",
    )
    values = ", ".join(f"('{value}')" for value in harmless)
    damaged.execute(
        f"insert into marts.fct_activities (activity_id, source_id) "
        f"select 'harmless ' || value, value from (values {values}) as harmless (value)"
    )
    assert validate(_batch(damaged, "marts")) == []


def test_a_column_that_is_added_breaks_nobody(damaged, validate) -> None:
    damaged.execute("alter table marts.fct_leads add column match_method varchar")
    assert validate(_batch(damaged, "marts")) == []


def test_the_contract_names_every_published_table(warehouse: duckdb.DuckDBPyConnection) -> None:
    tables = warehouse.execute(
        "select table_name from duckdb_tables() where schema_name = 'marts'"
    ).fetchall()
    assert {mart.name for mart in MARTS} == {name for (name,) in tables}


def _batch(connection: duckdb.DuckDBPyConnection, suite: str, as_of_date: dt.date = AS_OF_DATE):
    """Only the batch that is asked for."""
    makers = {
        "marts": lambda: published_suite.marts_batch(connection),
        "registry": lambda: published_suite.registry_batch(connection, REGISTRY),
        "values": lambda: published_suite.values_batch(connection),
        "periods": lambda: published_suite.periods_batch(connection, as_of_date),
        "funnel": lambda: published_suite.funnel_batch(connection),
        "volumes": lambda: published_suite.volumes_batch(connection),
    }
    return makers[suite]()
