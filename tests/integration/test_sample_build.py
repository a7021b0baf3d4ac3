"""What the build of the sample leaves behind, besides right KPIs."""

from __future__ import annotations

import duckdb
import pytest

from guides import BI_TOOLS, READ_THE_MARTS, queries, table_rows
from integration.conftest import BuiltWorld
from kpi_warehouse.landing import land, read_layouts
from kpi_warehouse.pipeline import STAGING_DIR

_KPI = """kpi_id basis period_grain period_start period_end numerator denominator value ci_low
    ci_high is_small_sample is_mature is_complete definition_version is_mixed_version"""
_TIME_TO_EVENT = """distribution_id basis period_grain period_start period_end unit cases finished
    censored median p90 km_median at_risk_at_median median_reason km_median_reason is_small_sample
    is_mature is_complete"""
PUBLISHED = {
    "fct_activities": """activity_id activity_type activity_channel direction source_system
        source_id lead_id account_id opportunity_id rep_id channel_id occurred_at activity_date
        touch_number duration_seconds is_follow_up is_connected is_target_connected is_connector
        is_effective_conversation is_delivered is_bounced is_opened is_machine_opened is_clicked
        is_replied outcome_code is_manual is_approach_to_target lead_match_method
        lead_match_confidence""",
    "fct_opportunities": """opportunity_id lead_id account_id channel_id rep_id owner_id stage
        created_at created_date created_by_id proposal_at won_at lost_at closed_date is_open is_won
        is_lost reopened_count amount currency amount_jpy is_sourced is_influenced days_to_close""",
    "fct_leads": """lead_id channel_id latest_channel_id segment rep_id created_at
        first_touched_at first_connected_at permission_granted_at appointment_set_at
        appointment_held_at meeting_at judged_at qualified_at handed_over_at won_at touch_count
        is_target acquired_date handed_over_date won_date first_touched_date
        speed_to_lead_seconds speed_to_lead_business_seconds accepted_date rejected_date""",
    "fct_appointments": """appointment_id lead_id opportunity_id channel_id booked_by_id
        booked_at held_at outcome judgement judged_at booked_date held_date judged_date
        days_to_judgement is_rescheduled ended_date""",
    "fct_meetings": """lead_key lead_id event_id channel_id rep_id meeting_basis counted_at
        cycle_number meeting_at meeting_date""",
    "definition_gap": """period_grain period_start period_end channel_id policy_value meetings
        meetings_first_appointment meetings_proposal_stage leads_only_here lead_ids_only_here
        is_in_force""",
    "kpi_by_period": _KPI,
    "kpi_by_channel_period": _KPI + " channel_id",
    "kpi_by_rep_period": _KPI + " rep_id",
    "kpi_by_team_period": _KPI + " team",
    "time_to_event_by_period": _TIME_TO_EVENT,
    "time_to_event_by_channel_period": _TIME_TO_EVENT + " channel_id",
    "time_to_event_by_rep_period": _TIME_TO_EVENT + " rep_id",
    "time_to_event_by_team_period": _TIME_TO_EVENT + " team",
    "stage_durations": _TIME_TO_EVENT.replace("distribution_id", "stage_id stage_name_ja")
    + " stage_name_en stage_rank channel_id",
    "kpi_cohort_conversion": """cohort_month channel_id stage_id months_since leads reached rate
         ci_low ci_high is_small_sample is_mature""",
    "kpi_attainment": """department kpi_id channel_id unit quantity_or_quality status status_reason
        value_reason target actual numerator denominator attainment expected_to_date pace projected
        projected_low projected_high business_days business_days_elapsed supported_target
        supported_months is_complete is_small_sample month""",
    "kgi_kpi_tree": """month channel_id node parent kpi_id rate_kpi_id name_ja name_en reason
        reason_ja reason_en required required_low required_high required_exact rate_used rate_low
        rate_high rate_history_max cases per_rep_day per_rep_day_rounded per_rep_week
        per_rep_week_rounded reps business_days rep_days history_percentile history_max
        history_months capacity supply sort_order is_feasible is_rate_of_total is_small_sample""",
    "data_quality_findings": "run_id source_system object source_id file row rule severity detail",
    "row_account": "source_system object file fate outcome name_ja name_en row_count",
}


def test_unit_tests_of_the_models_pass(sample: BuiltWorld) -> None:
    """dbt's unit tests, rule by rule; they need the tables of a build."""
    sample.dbt("test", "--select", "test_type:unit")


def test_every_row_is_accounted_for(sample: BuiltWorld) -> None:
    """The records of each file equal the sum of its fates, and each kind of fate occurs."""
    landed = duckdb.sql(
        "select file_name, record_count from "
        f"read_parquet('{sample.folder}/landing/_files/*.parquet') order by all"
    ).fetchall()
    accounted = sample.query(
        "select file, sum(row_count)::bigint from marts.row_account group by file order by all"
    )
    assert accounted == landed
    assert len(landed) > 15
    fates = {row[0] for row in sample.query("select fate from marts.row_account")}
    assert fates >= {
        "in_fact",
        "used",
        "duplicate",
        "logged_twice",
        "folded_leg",
        "folded_reschedule",
        "internal_call",
        "test_or_monitoring_call",
        "auto_reply",
        "merged",
        "deleted",
        "after_as_of_date",
    }


def test_planted_findings_are_found(sample: BuiltWorld) -> None:
    found = dict(
        sample.query("select rule, count(*) from marts.data_quality_findings group by rule")
    )
    assert set(found) >= {
        "unmapped_lead_source",
        "unmapped_call_outcome",
        "open_on_bounced_message",
        "calls_without_working_hours",
        "lead_in_no_extract",
        "merge_target_missing",
    }
    assert "missing_required_value" not in found


def test_marts_hold_no_personal_data(sample: BuiltWorld) -> None:
    """No name, address or number of a lead in any text column of any mart."""
    leads = sample.log.leads.head(2_000)
    personal = {
        value
        for column in ("email", "phone", "company")
        for value in leads[column].drop_nulls().to_list()
        if len(value) >= 4
    }
    assert len(personal) > 1_000
    with sample.connect() as connection:
        columns = connection.execute(
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'marts' and data_type = 'VARCHAR'"
        ).fetchall()
        assert len(columns) > 50
        for table, column in columns:
            values = connection.execute(f"select distinct {column} from marts.{table}").fetchall()
            assert personal.isdisjoint(row[0] for row in values), (table, column)


@pytest.mark.parametrize("mart", ["kpi_by_channel_period", "fct_activities", "fct_leads"])
def test_no_address_slips_into_an_id(sample: BuiltWorld, mart: str) -> None:
    with sample.connect() as connection:
        columns = [row[0] for row in connection.execute(f"describe marts.{mart}").fetchall()]
        condition = " or ".join(f"cast({column} as varchar) like '%@%'" for column in columns)
        rows = connection.execute(f"select count(*) from marts.{mart} where {condition}")
        assert rows.fetchall() == [(0,)]


def test_landing_again_reads_nothing(sample: BuiltWorld) -> None:
    lines: list[str] = []
    report = land(
        sample.folder / "extracts",
        sample.folder / "landing",
        read_layouts(STAGING_DIR),
        lines.append,
    )
    assert not report.read
    assert len(report.unchanged) > 10


@pytest.mark.parametrize("table", PUBLISHED)
def test_contract_holds_the_published_columns(sample: BuiltWorld, table: str) -> None:
    """The interface as BI tools know it; a change is a new version of the model."""
    columns = sample.query(
        "select column_name from duckdb_columns() "
        f"where schema_name = 'marts' and table_name = '{table}'"
    )
    assert {row[0] for row in columns} == set(PUBLISHED[table].split())


def test_funnel_shows_the_event_basis(sample: BuiltWorld) -> None:
    """The wide table holds the values of the long one, KPI by KPI."""
    with sample.connect() as connection:
        kpis = [
            row[0]
            for row in connection.execute(
                "select kpi_id from marts.dim_kpis where has_channel and has_event_basis"
            ).fetchall()
        ]
        assert len(kpis) > 30
        columns = [
            row[0]
            for row in connection.execute("describe marts.funnel_by_channel_period").fetchall()
        ]
        assert set(columns) == {"period_grain", "period_start", "channel_id", *kpis}
        for kpi in kpis:
            different = connection.execute(
                f"""
                select count(*) from marts.funnel_by_channel_period as funnel
                full outer join (
                    select * from marts.kpi_by_channel_period
                    where basis = 'event' and kpi_id = ?
                ) as kpis using (period_grain, period_start, channel_id)
                where funnel.{kpi} is distinct from kpis.value
                """,
                [kpi],
            ).fetchall()
            assert different == [(0,)], kpi


def test_the_queries_of_the_guides_find_rows_each_once(sample: BuiltWorld) -> None:
    found = queries(READ_THE_MARTS, BI_TOOLS)
    assert len(found) >= 3
    for sql in found:
        assert sample.query(sql)
    (base,) = [sql for sql in found if "definitions.statistic is null" in sql]
    ((rows, keys),) = sample.query(
        f"select count(*), count(distinct (kpi_id, channel_id, period_start)) from ({base})"
    )
    assert rows == keys > 10_000
    # no row of a rep is lost or doubled by the join that finds its name
    (by_rep,) = [sql for sql in found if "marts.dim_reps" in sql]
    assert sample.query(f"select sum(calls) from ({by_rep})") == sample.query(
        "select sum(denominator) from marts.kpi_by_period "
        "where kpi_id = 'connection_rate' and basis = 'event' and period_grain = 'month'"
    )


def test_the_guides_example_of_a_rate_is_true(sample: BuiltWorld) -> None:
    """Never average a rate: the months, their mean and the sum over the sum, as they are shown."""
    shown = {row[0]: row[1:] for row in table_rows(READ_THE_MARTS.read_text("utf-8"))}
    where = (
        "kpi_id = 'qualified_meeting_rate' and channel_id = 'seminar' and basis = 'event' "
        "and period_start between date '2026-07-01' and date '2026-09-01'"
    )
    months = sample.query(
        "select strftime(period_start, '%Y-%m'), numerator::int, denominator::int, value "
        f"from marts.kpi_by_channel_period where {where} and period_grain = 'month' order by 1"
    )
    assert len(months) == 3
    for month, numerator, denominator, value in months:
        assert shown[month] == [str(numerator), str(denominator), f"{value * 100:.1f} %"]
    ((qualified, judged, rate, mean),) = sample.query(queries(READ_THE_MARTS)[0])
    assert shown["Mean of the three rates: **wrong**"] == ["", "", f"{mean * 100:.1f} %"]
    assert shown["Sum over sum: **right**"] == [
        f"{qualified:.0f}",
        f"{judged:.0f}",
        f"{rate * 100:.1f} %",
    ]
    assert sample.query(
        "select numerator, denominator from marts.kpi_by_channel_period "
        f"where {where} and period_grain = 'quarter'"
    ) == [(qualified, judged)]


@pytest.mark.parametrize("part", ["channel", "rep", "team"])
def test_numerators_and_denominators_of_the_parts_add_up_to_the_total(
    sample: BuiltWorld, part: str
) -> None:
    """What the guide builds on."""
    ((compared, different),) = sample.query(
        f"""
        with parts as (
            select kpi_id, basis, period_grain, period_start,
                sum(numerator) as numerator, sum(denominator) as denominator
            from marts.kpi_by_{part}_period
            where kpi_id in (select kpi_id from marts.dim_kpis where statistic is null)
            group by all
        )
        select
            count(*),
            count(*) filter (
                where parts.numerator is distinct from totals.numerator
                or parts.denominator is distinct from totals.denominator
            )
        from parts
        inner join marts.kpi_by_period as totals
            using (kpi_id, basis, period_grain, period_start)
        """
    )
    assert compared > 10_000
    assert different == 0
