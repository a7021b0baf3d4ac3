"""What outside tools were promised of the published tables, stated once more.

The models' own contracts say what a table has; this says what it must keep. A column that is
added breaks nobody, one that is renamed, retyped or dropped does.
"""

from __future__ import annotations

from dataclasses import dataclass

_TYPES = {
    "string": "VARCHAR",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "decimal": "DECIMAL(18,2)",
    "decimal6": "DECIMAL(18,6)",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


@dataclass(frozen=True)
class Mart:
    """One published table.

    Attributes:
        key: the columns of its grain.
        columns: name -> DuckDB type of every promised column.
        may_be_empty: whether an organisation may have nothing of the kind.
        has_empty_keys: whether a column of the grain may be NULL.
        people: text columns that name reps; no other personal data is allowed anywhere.
    """

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]
    may_be_empty: bool = False
    has_empty_keys: bool = False
    people: tuple[str, ...] = ()


def _columns(**names_by_type: str) -> dict[str, str]:
    return {
        name: _TYPES[data_type]
        for data_type, names in names_by_type.items()
        for name in names.split()
    }


def _kpi_mart(name: str, *dimensions: str) -> Mart:
    return Mart(
        name,
        ("kpi_id", "basis", "period_grain", "period_start", *dimensions),
        _columns(
            string=" ".join(["kpi_id basis period_grain", *dimensions]),
            decimal="numerator denominator",
            double="value ci_low ci_high",
            integer="definition_version",
            boolean="is_small_sample is_mature is_complete",
            date="period_start period_end",
        ),
    )


def _cohort_mart(name: str, *dimensions: str) -> Mart:
    return Mart(
        name,
        ("cohort_month", *dimensions, "stage_id", "months_since"),
        _columns(
            string=" ".join([*dimensions, "stage_id"]),
            integer="months_since",
            bigint="leads reached",
            double="rate ci_low ci_high",
            boolean="is_small_sample is_mature",
            date="cohort_month",
        ),
    )


def _stage_mart(name: str, *dimensions: str) -> Mart:
    return Mart(
        name,
        ("cohort_month", *dimensions, "to_stage_id"),
        _columns(
            string=" ".join([*dimensions, "from_stage_id to_stage_id rate_reason"]),
            bigint="leads reached_from converted skipped",
            double="rate ci_low ci_high",
            boolean="is_small_sample is_mature",
            date="cohort_month",
        ),
    )


def _time_to_event_mart(name: str, *dimensions: str) -> Mart:
    return Mart(
        name,
        ("distribution_id", "basis", "period_grain", "period_start", *dimensions),
        _columns(
            string=" ".join(
                [
                    "distribution_id basis period_grain unit median_reason km_median_reason",
                    *dimensions,
                ]
            ),
            bigint="cases finished censored at_risk_at_median",
            double="median p90 km_median",
            boolean="is_small_sample is_mature is_complete",
            date="period_start period_end",
        ),
    )


def _calling_mart(name: str, class_id: str, *others: str) -> Mart:
    channel = [column for column in others if column == "channel_id"]
    hour = [column for column in others if column == "hour_of_day"]
    names = f"{class_id} {class_id}_name_ja {class_id}_name_en"
    return Mart(
        name,
        ("period_grain", "period_start", class_id, *others),
        _columns(
            string=" ".join(
                [
                    *channel,
                    names,
                    "period_grain connection_rate_reason target_connection_rate_reason",
                ]
            ),
            integer=" ".join([f"{class_id}_order", *hour]),
            bigint=(
                "calls_made calls_connected calls_to_targets target_connections"
                + ("" if hour else " first_connections")
            ),
            double=" ".join(
                f"{rate} {rate}_ci_low {rate}_ci_high"
                for rate in ("connection_rate", "target_connection_rate")
            ),
            boolean="is_complete",
            date="period_start period_end",
        ),
        may_be_empty=True,
    )


def _best_times_mart(name: str, *dimensions: str) -> Mart:
    return Mart(
        name,
        ("kpi_id", *dimensions, "rank_number"),
        _columns(
            string=" ".join(
                ["kpi_id", *dimensions, "day_class day_class_name_ja day_class_name_en"]
            ),
            integer="rank_number hour_of_day",
            bigint="numerator denominator",
            double="value ci_low ci_high overall_value",
            boolean="is_clearly_better",
            date="period_start period_end",
        ),
        may_be_empty=True,
    )


_COMPARED_PERIODS = {
    "boolean": (
        "is_definition_changed is_complete is_previous_complete is_previous_covered is_mature "
        "is_previous_mature"
    ),
    "date": "period_start period_end previous_period_start previous_period_end",
}


def _kpi_change_mart(name: str, *dimensions: str) -> Mart:
    """The change of each KPI, in total or of one channel."""
    own = {
        "integer": "" if dimensions else " entering_channels leaving_channels",
        "double": " share previous_share effect" if dimensions else "",
        "boolean": " is_entering is_leaving" if dimensions else "",
    }
    return Mart(
        name,
        ("kpi_id", "basis", "comparison", "period_grain", "period_start", *dimensions),
        _columns(
            string=" ".join(
                [
                    "kpi_id basis comparison period_grain change_kind change_reason split_reason",
                    *dimensions,
                ]
            ),
            decimal="numerator denominator previous_numerator previous_denominator",
            double=(
                "value previous_value change mix_effect performance_effect unmatched_effect"
                + own["double"]
            ),
            integer="definition_version previous_definition_version" + own["integer"],
            boolean=(
                f"{_COMPARED_PERIODS['boolean']} is_small_sample is_previous_small_sample"
                + own["boolean"]
            ),
            date=_COMPARED_PERIODS["date"],
        ),
        may_be_empty=True,
    )


def _won_amount_change_mart(name: str, *dimensions: str) -> Mart:
    """What each factor of the tree has added to the change of the won amount."""
    return Mart(
        name,
        ("basis", "comparison", "period_grain", "period_start", "factor_id", *dimensions),
        _columns(
            string=" ".join(
                [
                    "factor_id basis comparison period_grain factor_name_ja factor_name_en "
                    "value_reason effect_reason",
                    *dimensions,
                ]
            ),
            decimal="effect_jpy" + ("" if dimensions else " within_channels_jpy mix_jpy"),
            double="value previous_value",
            integer="sort_order",
            **_COMPARED_PERIODS,
        ),
        may_be_empty=True,
    )


KPI_MARTS = (
    _kpi_mart("kpi_by_period"),
    _kpi_mart("kpi_by_channel_period", "channel_id"),
    _kpi_mart("kpi_by_rep_period", "rep_id"),
    _kpi_mart("kpi_by_team_period", "team"),
)

MARTS = (
    Mart(
        "fct_activities",
        ("activity_id",),
        _columns(
            string=(
                "activity_id activity_type activity_channel direction source_system source_id "
                "lead_id account_id opportunity_id rep_id channel_id outcome_code"
            ),
            bigint="touch_number duration_seconds",
            boolean=(
                "is_follow_up is_connected is_target_connected is_connector "
                "is_effective_conversation is_delivered is_bounced is_opened is_machine_opened "
                "is_clicked is_replied is_manual"
            ),
            timestamp="occurred_at",
            date="activity_date",
        ),
    ),
    Mart(
        "fct_opportunities",
        ("opportunity_id",),
        _columns(
            string="opportunity_id lead_id account_id channel_id rep_id owner_id stage currency",
            decimal="amount amount_jpy",
            bigint="reopened_count days_to_close",
            boolean="is_open is_won is_lost is_sourced is_influenced",
            timestamp="created_at proposal_at won_at lost_at",
            date="closed_date",
        ),
        may_be_empty=True,
    ),
    Mart(
        "fct_leads",
        ("lead_id",),
        _columns(
            string="lead_id channel_id latest_channel_id segment rep_id",
            bigint="touch_count",
            boolean="is_target",
            timestamp=(
                "created_at first_touched_at first_connected_at permission_granted_at "
                "appointment_set_at appointment_held_at meeting_at judged_at qualified_at "
                "handed_over_at won_at"
            ),
            double="speed_to_lead_seconds speed_to_lead_business_seconds",
            date="accepted_date rejected_date first_touched_date",
        ),
    ),
    Mart(
        "fct_appointments",
        ("appointment_id",),
        _columns(
            string=(
                "appointment_id lead_id opportunity_id channel_id booked_by_id outcome judgement"
            ),
            double="days_to_judgement",
            boolean="is_rescheduled",
            timestamp="booked_at held_at judged_at",
            date="ended_date",
        ),
        may_be_empty=True,
    ),
    Mart(
        "fct_meetings",
        ("meeting_basis", "counted_at", "lead_key", "cycle_number"),
        _columns(
            string="lead_key lead_id event_id channel_id rep_id meeting_basis counted_at",
            bigint="cycle_number",
            timestamp="meeting_at",
            date="meeting_date",
        ),
        may_be_empty=True,
    ),
    Mart(
        "fct_leads_without_permission",
        ("lead_id",),
        _columns(
            string="lead_id channel_id rep_id",
            boolean="is_permission_granted",
            date="connected_date",
        ),
        may_be_empty=True,
    ),
    Mart(
        "fct_lead_cadence",
        ("lead_id",),
        _columns(
            string="lead_id channel_id rep_id first_approach_rep_id first_connection_rep_id",
            bigint="touch_count attempts_to_first_connection untouched_days",
            boolean="is_untouched",
            date="acquired_date first_approach_date first_connection_date",
        ),
    ),
    Mart(
        "fct_lead_recycles",
        ("lead_id", "ended_cycle_number"),
        _columns(
            string="lead_id channel_id rep_id",
            bigint="ended_cycle_number approach_count",
            boolean="is_too_early",
            timestamp="recycled_at",
            date="recycled_date",
        ),
        may_be_empty=True,
    ),
    Mart(
        "fct_working_hours",
        ("rep_id", "work_date"),
        _columns(string="rep_id", decimal="working_hours", date="work_date"),
        may_be_empty=True,
    ),
    Mart(
        "row_account",
        ("source_system", "object", "file", "fate"),
        _columns(
            string="source_system object file fate outcome name_ja name_en",
            bigint="row_count",
        ),
    ),
    Mart(
        "dim_channels",
        ("channel_id",),
        _columns(
            string="channel_id name_ja name_en channel_class motion",
            integer="sort_order",
        ),
    ),
    Mart(
        "dim_reps",
        ("rep_id", "valid_from"),
        _columns(
            string="rep_id name team department department_id",
            boolean="is_inside_sales",
            date="valid_from valid_to",
        ),
        may_be_empty=True,
        people=("name",),
    ),
    Mart(
        "dim_dates",
        ("date_day",),
        _columns(
            date=("date_day week_start month_start quarter_start half_start fiscal_year_start"),
            boolean="is_business_day",
        ),
    ),
    Mart(
        "dim_kpis",
        ("kpi_id", "version"),
        _columns(
            string=(
                "kpi_id distribution_id name_ja name_en phase status unit statistic definition_ja "
                "definition_en"
            ),
            integer="version maturity_days sort_order",
            boolean=(
                "is_current is_published has_event_basis has_cohort_basis is_subset_event "
                "is_subset_cohort has_channel has_rep has_team is_targetable is_additive"
            ),
            date="effective_from effective_to",
        ),
    ),
    *KPI_MARTS,
    _time_to_event_mart("time_to_event_by_period"),
    _time_to_event_mart("time_to_event_by_channel_period", "channel_id"),
    _time_to_event_mart("time_to_event_by_rep_period", "rep_id"),
    _time_to_event_mart("time_to_event_by_team_period", "team"),
    Mart(
        "stage_durations",
        ("stage_id", "basis", "period_grain", "period_start", "channel_id"),
        _columns(
            string=(
                "stage_id channel_id basis period_grain stage_name_ja stage_name_en unit "
                "median_reason km_median_reason"
            ),
            integer="stage_rank",
            bigint="cases finished censored at_risk_at_median",
            double="median p90 km_median",
            boolean="is_small_sample is_mature is_complete",
            date="period_start period_end",
        ),
        may_be_empty=True,
    ),
    Mart(
        "dim_distributions",
        ("distribution_id",),
        _columns(
            string="distribution_id name_ja name_en counts_ja counts_en clock unit",
            integer="maturity_days",
        ),
    ),
    Mart(
        "funnel_by_channel_period",
        ("period_grain", "period_start", "channel_id"),
        _columns(string="period_grain channel_id", date="period_start"),
    ),
    Mart(
        "definition_gap",
        ("period_grain", "period_start", "channel_id", "policy_value"),
        _columns(
            string="period_grain channel_id policy_value lead_ids_only_here",
            bigint=("meetings meetings_first_appointment meetings_proposal_stage leads_only_here"),
            boolean="is_in_force",
            date="period_start period_end",
        ),
        may_be_empty=True,
    ),
    Mart(
        "definition_gap_leads",
        ("lead_id", "cycle_number"),
        _columns(
            string="lead_id channel_id counted_by",
            integer="cycle_number days_between",
            date="first_appointment_date proposal_stage_date",
        ),
        may_be_empty=True,
    ),
    Mart(
        "data_quality_findings",
        ("source_system", "object", "file", "row", "source_id", "rule", "detail"),
        _columns(
            string="run_id source_system object source_id file rule severity detail",
            bigint="row",
        ),
        may_be_empty=True,
        has_empty_keys=True,
    ),
    _cohort_mart("kpi_cohort_conversion", "channel_id"),
    _cohort_mart("kpi_cohort_conversion_total"),
    _stage_mart("stage_conversion_by_cohort", "channel_id"),
    _stage_mart("stage_conversion_by_cohort_total"),
    Mart(
        "conversion_period_and_cohort",
        ("kpi_id", "channel_id", "month_start"),
        _columns(
            string="kpi_id channel_id main_cause difference_reason",
            decimal=(
                "event_numerator event_denominator cohort_numerator cohort_denominator "
                "numerator_carried_in numerator_carried_out numerator_without_cohort "
                "denominator_carried_in denominator_carried_out denominator_without_cohort"
            ),
            double="event_value cohort_value difference",
            boolean="is_mature is_complete",
            date="month_start",
        ),
    ),
    Mart(
        "fct_campaign_costs",
        ("channel_id", "cost_date"),
        _columns(string="channel_id", decimal="cost", date="cost_date"),
        may_be_empty=True,
    ),
    Mart(
        "deal_loss_reasons",
        ("period_grain", "period_start", "channel_id", "reason_id"),
        _columns(
            string="period_grain channel_id reason_id name_ja name_en",
            bigint="deals_lost deals_lost_all_reasons",
            decimal="amount_lost",
            double="share",
            boolean="is_small_sample is_complete",
            date="period_start period_end",
        ),
        may_be_empty=True,
    ),
    Mart(
        "meeting_rejection_reasons",
        ("period_grain", "period_start", "channel_id", "reason_id"),
        _columns(
            string="period_grain channel_id reason_id name_ja name_en",
            bigint="meetings_rejected meetings_rejected_all_reasons",
            double="share",
            boolean="is_small_sample is_complete",
            date="period_start period_end",
        ),
        may_be_empty=True,
    ),
    Mart(
        "pipeline_coverage",
        ("period_grain", "channel_id"),
        _columns(
            string="period_grain channel_id target_source coverage_reason",
            decimal=(
                "target_amount won_amount remaining_amount open_amount open_amount_involved "
                "open_amount_sourced"
            ),
            bigint="open_deals",
            double="coverage coverage_involved coverage_sourced",
            date="period_start period_end",
        ),
    ),
    Mart(
        "pipeline_velocity",
        ("period_grain", "period_start", "channel_id"),
        _columns(
            string="period_grain channel_id velocity_reason",
            bigint="opportunities_created deals_closed deals_won",
            double="velocity_jpy_per_day win_rate_of_closed average_deal average_cycle_days",
            boolean="is_small_sample is_complete",
            date="period_start period_end",
        ),
    ),
    _calling_mart("connection_by_hour", "day_class", "channel_id", "hour_of_day"),
    _calling_mart("connection_by_hour_total", "day_class", "hour_of_day"),
    _calling_mart("connection_by_attempt", "attempt_class", "channel_id"),
    _calling_mart("connection_by_attempt_total", "attempt_class"),
    _best_times_mart("best_call_times", "channel_id"),
    _best_times_mart("best_call_times_total"),
    _kpi_change_mart("kpi_change"),
    _kpi_change_mart("kpi_change_by_channel", "channel_id"),
    _won_amount_change_mart("won_amount_change"),
    _won_amount_change_mart("won_amount_change_by_channel", "channel_id"),
    Mart(
        "rep_performance",
        ("kpi_id", "basis", "period_grain", "period_start", "team", "rep_id"),
        _columns(
            string=(
                "kpi_id rep_id basis period_grain team value_reason standardised_value_reason "
                "months_since_start_reason"
            ),
            decimal="numerator denominator",
            double=(
                "value ci_low ci_high standardised_value standardised_ci_low "
                "standardised_ci_high standard_value covered_share"
            ),
            integer="months_since_start definition_version",
            boolean=(
                "is_proportion is_small_sample is_whole_period is_compared is_mature is_complete "
                "is_mixed_version"
            ),
            date="period_start period_end",
        ),
        may_be_empty=True,
    ),
    Mart(
        "team_variance",
        ("kpi_id", "basis", "period_grain", "period_start", "team"),
        _columns(
            string="kpi_id basis period_grain team spread_reason dispersion_reason",
            double="lowest median highest mean standard_deviation dispersion",
            integer="reps reps_compared definition_version",
            boolean="is_mature is_complete is_mixed_version",
            date="period_start period_end",
        ),
        may_be_empty=True,
    ),
    Mart(
        "ramp_curve",
        ("kpi_id", "months_since_start"),
        _columns(
            string="kpi_id value_reason",
            decimal="numerator denominator",
            double="value ci_low ci_high",
            integer="months_since_start reps rep_months",
            boolean="is_and_later is_small_sample",
        ),
        may_be_empty=True,
    ),
    Mart(
        "kpi_attainment",
        ("department", "kpi_id", "channel_id", "month"),
        _columns(
            string=(
                "department kpi_id channel_id unit quantity_or_quality status status_reason "
                "value_reason"
            ),
            decimal="numerator denominator",
            decimal6="target",
            double=(
                "actual attainment expected_to_date pace projected projected_low projected_high "
                "supported_target"
            ),
            integer="business_days business_days_elapsed supported_months",
            boolean="is_complete is_small_sample",
            date="month",
        ),
        may_be_empty=True,
    ),
    Mart(
        "kgi_kpi_tree",
        ("month", "channel_id", "node"),
        _columns(
            string=(
                "channel_id node parent kpi_id rate_kpi_id name_ja name_en reason reason_ja "
                "reason_en"
            ),
            decimal="required required_low required_high history_max capacity supply",
            double=(
                "required_exact rate_used rate_low rate_high rate_history_max per_rep_day "
                "per_rep_week history_percentile"
            ),
            bigint="cases per_rep_day_rounded per_rep_week_rounded",
            integer="reps business_days rep_days history_months sort_order",
            boolean="is_feasible is_rate_of_total is_small_sample",
            date="month",
        ),
        may_be_empty=True,
    ),
    Mart(
        "kgi_levers",
        ("month", "channel_id", "node", "lever"),
        _columns(
            string="channel_id node lever name_ja name_en lever_kind limited_by",
            double="current_value needed_value change change_share history_max",
            boolean="is_possible is_within_history",
            date="month",
        ),
        may_be_empty=True,
    ),
    Mart(
        "funnel_bottlenecks",
        ("month", "channel_id", "step"),
        _columns(
            string="channel_id step name_ja name_en target_source reason",
            decimal="volume_in volume_out amount_lost_jpy",
            double="actual_value target_value expected_value shortfall deals_lost",
            integer="sort_order",
            boolean="is_bottleneck is_small_sample is_complete",
            date="month",
        ),
    ),
    Mart(
        "fct_targets",
        ("department_id", "kpi_id", "channel_id", "month", "version"),
        _columns(
            string="department_id kpi_id channel_id unit agreed_by_role agreed_by_role_ja",
            decimal6="target_value",
            integer="version",
            boolean="is_in_force",
            date="month agreed_on superseded_on",
        ),
        may_be_empty=True,
    ),
    Mart(
        "target_conflicts",
        (
            *("rule_id", "month", "channel_id", "department_id", "kpi_id"),
            *("other_department_id", "other_kpi_id"),
        ),
        _columns(
            string=(
                "rule_id channel_id department_id kpi_id other_department_id other_kpi_id "
                "rule_name_ja rule_name_en detail_ja detail_en"
            ),
            decimal6="value other_value difference",
            date="month",
        ),
        may_be_empty=True,
        has_empty_keys=True,
    ),
)
