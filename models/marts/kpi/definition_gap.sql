{#-
    Grain: one row per period_grain, period_start, channel_id and policy_value.
    商談化件数 by each choice of policy meeting_counts_at, side by side, and the leads
    that only this choice counts in the period. A pair of rows for every period and
    channel with a meeting by either.
-#}
{%- set choices = ['first_appointment', 'proposal_stage'] -%}
with

meetings as (

    select * from {{ ref('int_meetings') }} where meeting_basis <> 'agreed'

),

calendar_periods as (

    select * from {{ ref('int_calendar_periods') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

-- a lead can have a meeting in each of its engagement cycles
by_lead as (

    select
        {% for choice in choices %}
        sum(case when meetings.meeting_basis = '{{ choice }}' then 1 else 0 end)
            as meetings_{{ choice }},
        {% endfor %}
        max(meetings.lead_id) as lead_id,
        calendar_periods.period_grain,
        calendar_periods.period_start,
        calendar_periods.period_end,
        meetings.channel_id,
        meetings.lead_key
    from meetings
    -- one-to-many: a day is in one period of each grain
    inner join calendar_periods on meetings.meeting_date = calendar_periods.date_day
    group by
        calendar_periods.period_grain,
        calendar_periods.period_start,
        calendar_periods.period_end,
        meetings.channel_id,
        meetings.lead_key

),

cells as (

    select
        {% for choice in choices %}
        {% set other = choices | reject('equalto', choice) | first %}
        {% set only = 'meetings_' ~ choice ~ ' > 0 and meetings_' ~ other ~ ' = 0' %}
        sum(meetings_{{ choice }}) as meetings_{{ choice }},
        sum({{ one_if(only) }}) as leads_only_{{ choice }},
        {{ list_agg('case when ' ~ only ~ ' then lead_id end') }}
            as lead_ids_only_{{ choice }},
        {% endfor %}
        period_grain,
        period_start,
        period_end,
        channel_id
    from by_lead
    group by period_grain, period_start, period_end, channel_id

),

choices as (

    {% for choice in choices %}
    select
        period_grain,
        period_start,
        period_end,
        channel_id,
        '{{ choice }}' as policy_value,
        meetings_{{ choice }} as meetings,
        meetings_first_appointment,
        meetings_proposal_stage,
        leads_only_{{ choice }} as leads_only_here,
        lead_ids_only_{{ choice }} as lead_ids_only_here,
        case
            when period_end > {{ as_of_date() }} then {{ as_of_date() }}
            else period_end
        end as label_day
    from cells
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        -- ids
        choices.channel_id,

        -- texts
        choices.period_grain,
        choices.policy_value,
        choices.lead_ids_only_here,

        -- numerics
        cast(choices.meetings as bigint) as meetings,
        cast(choices.meetings_first_appointment as bigint)
            as meetings_first_appointment,
        cast(choices.meetings_proposal_stage as bigint) as meetings_proposal_stage,
        cast(choices.leads_only_here as bigint) as leads_only_here,

        -- booleans
        coalesce(choices.policy_value = agreements.meeting_counts_at, false)
            as is_in_force,

        -- dates
        choices.period_start,
        choices.period_end
    from choices
    -- many-to-one
    left join agreements on choices.label_day = agreements.date_day

)

select * from final
