{#-
    Counts, yen and hours added up from the published facts, apart from the measures.
    Only KPIs that one version counts from the first day on: of the others, no single
    condition says what they count.
-#}
{%- set sides = {
    'numerator': {
        'fct_activities': {
            'calls_made': "activity_type = 'call' and direction = 'outbound'",
            'inbound_calls': "activity_type = 'call' and direction = 'inbound'",
            'calls_connected':
                "activity_type = 'call' and direction = 'outbound' and is_connected",
            'emails_sent': "activity_type = 'email'",
            'emails_delivered': "is_delivered",
            'email_open_rate': "is_opened",
            'email_open_rate_human': "is_opened and not is_machine_opened",
            'machine_open_share': "is_machine_opened",
            'approaches_per_target_connection': "is_approach_to_target",
            'target_connections': "is_target_connected",
            'follow_ups': "is_follow_up",
            'connectors': "is_connector",
            'effective_conversations': "is_effective_conversation",
        },
        'fct_appointments': {
            'appointments_set': "true",
            'qualified_meetings': "judgement = 'qualified'",
            'meetings_pending_judgement': "outcome = 'held' and judgement is null",
            'appointments_held': "outcome = 'held'",
            'no_show_rate': "outcome = 'no_show'",
            'appointments_rescheduled':
                "is_rescheduled and outcome in ('held', 'no_show', 'cancelled')",
        },
        'fct_meetings': {
            'meetings': "meeting_basis = 'agreed'",
            'meetings_first_appointment': "meeting_basis = 'first_appointment'",
            'meetings_proposal_stage': "meeting_basis = 'proposal_stage'",
        },
        'fct_leads': {
            'leads_acquired': "true",
            'leads_handed_over': "handed_over_at is not null",
            'win_rate': "handed_over_at is not null and won_at is not null",
            'leads_accepted': "handed_over_at is not null and qualified_at is not null",
            'leads_rejected':
                "handed_over_at is not null and judged_at is not null "
                ~ "and qualified_at is null",
            'leads_touched_3_to_5_share': "touch_count in (3, 4, 5)",
            'leads_touched_5_or_more_share': "touch_count > 4",
            'untouched_leads': "first_touched_at is null",
            'speed_to_lead_within_5_min': "speed_to_lead_seconds <= 300",
            'speed_to_lead_within_1_hour': "speed_to_lead_seconds <= 3600",
            'speed_to_lead_business_within_5_min':
                "speed_to_lead_business_seconds <= 300",
            'speed_to_lead_business_within_1_hour':
                "speed_to_lead_business_seconds <= 3600",
        },
        'fct_leads_without_permission': {
            'permission_rate': "is_permission_granted",
        },
        'fct_lead_recycles': {
            'leads_recycled': "true",
            'leads_recycled_too_early': "is_too_early",
        },
        'fct_opportunities': {
            'deals_won': "is_won",
            'won_amount': "is_won and (is_sourced or is_influenced)",
            'won_amount_sourced': "is_won and is_sourced",
            'won_amount_influenced': "is_won and is_influenced",
        },
    },
    'denominator': {
        'fct_appointments': {
            'qualified_meeting_rate': "judgement in ('qualified', 'not_qualified')",
            'appointment_held_rate': "outcome in ('held', 'no_show', 'cancelled')",
        },
        'fct_leads': {
            'attempts_per_lead': "first_touched_at is not null",
            'attempts_to_first_connection': "first_connected_at is not null",
            'untouched_lead_age': "first_touched_at is null",
        },
        'fct_leads_without_permission': {
            'permission_rate': "true",
        },
        'fct_opportunities': {
            'win_rate_of_closed': "is_won or is_lost",
        },
    },
} -%}
with

definitions as (

    select * from {{ ref('dim_kpis') }}

),

kpis as (

    select kpi_id
    from definitions
    where is_published
    group by kpi_id
    having
        count(*) = 1
        and min(effective_from) <= cast('{{ var("calendar_start") }}' as date)
        and min(effective_to) is null

),

facts as (

    {% for side, side_facts in sides.items() %}
    {%- set last_side = loop.last %}
    {% for fact, conditions in side_facts.items() %}
    {%- set last_fact = loop.last %}
    {% for kpi_id, condition in conditions.items() %}
    select
        '{{ kpi_id }}' as kpi_id,
        '{{ side }}' as side,
        coalesce(
            sum(
                case
                    when {{ condition }}
                        then {{ 'amount_jpy' if 'amount' in kpi_id else '1' }}
                end
            ), 0
        ) as quantity
    from {{ ref(fact) }}
    {{ 'union all' if not (last_side and last_fact and loop.last) }}
    {% endfor %}
    {% endfor %}
    {% endfor %}
    union all

    select
        'calls_per_hour' as kpi_id,
        'denominator' as side,
        coalesce(sum(working_hours), 0) as quantity
    from {{ ref('fct_working_hours') }}

),

-- fiscal years, as they cover each day once
totals as (

    {% for side in sides %}
    select
        kpi_id,
        '{{ side }}' as side,
        sum({{ side }}) as quantity
    from {{ ref('kpi_by_period') }}
    where basis = 'event' and period_grain = 'fiscal_year'
    group by kpi_id
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    facts.kpi_id,
    facts.side,
    facts.quantity as fact_quantity,
    totals.quantity as published_quantity
from facts
-- many-to-one
inner join kpis on facts.kpi_id = kpis.kpi_id
-- one-to-one
left join totals on facts.kpi_id = totals.kpi_id and facts.side = totals.side
where facts.quantity <> coalesce(totals.quantity, 0)
