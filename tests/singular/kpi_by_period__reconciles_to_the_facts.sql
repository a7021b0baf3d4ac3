{#- Counts and yen added up from the published facts, apart from the measures. -#}
{%- set facts = {
    'fct_activities': {
        'calls_made': "activity_type = 'call' and direction = 'outbound'",
        'inbound_calls': "activity_type = 'call' and direction = 'inbound'",
        'calls_connected':
            "activity_type = 'call' and direction = 'outbound' and is_connected",
        'emails_sent': "activity_type = 'email'",
        'emails_delivered': "is_delivered",
        'email_open_rate': "is_opened",
        'email_open_rate_human': "is_opened and not is_machine_opened",
        'target_connections': "is_target_connected",
        'follow_ups': "is_follow_up",
        'connectors': "is_connector",
        'effective_conversations': "is_effective_conversation",
    },
    'fct_appointments': {
        'appointments_set': "true",
        'qualified_meetings': "judgement = 'qualified'",
        'meetings_pending_judgement': "outcome = 'held' and judgement is null",
    },
    'fct_leads': {
        'leads_acquired': "true",
        'leads_handed_over': "handed_over_at is not null",
        'win_rate': "handed_over_at is not null and won_at is not null",
    },
    'fct_opportunities': {
        'deals_won': "is_won",
        'won_amount': "is_won and (is_sourced or is_influenced)",
        'won_amount_sourced': "is_won and is_sourced",
        'won_amount_influenced': "is_won and is_influenced",
    },
} -%}
with

facts as (

    {% for fact, conditions in facts.items() %}
    {%- set last_fact = loop.last %}
    {% for kpi_id, condition in conditions.items() %}
    select
        '{{ kpi_id }}' as kpi_id,
        coalesce(
            sum(
                case
                    when {{ condition }}
                        then {{ 'amount_jpy' if 'amount' in kpi_id else '1' }}
                end
            ), 0
        ) as quantity
    from {{ ref(fact) }}
    {{ 'union all' if not (last_fact and loop.last) }}
    {% endfor %}
    {% endfor %}

),

-- fiscal years, as they cover each day once
totals as (

    select
        kpi_id,
        sum(numerator) as quantity
    from {{ ref('kpi_by_period') }}
    where basis = 'event' and period_grain = 'fiscal_year'
    group by kpi_id

)

select
    facts.kpi_id,
    facts.quantity as fact_quantity,
    totals.quantity as published_quantity
from facts
left join totals on facts.kpi_id = totals.kpi_id
where facts.quantity <> coalesce(totals.quantity, 0)
