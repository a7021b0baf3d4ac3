{#-
    Grain: one row per calendar day.
    What the departments had agreed on that day: the policies side by side, typed, and
    `regime_start`, the first day of the span of days over which no KPI definition
    changes. An event is counted by the row of its own day.
-#}
{%- set policies = {
    'meeting_counts_at': dbt.type_string(),
    'follow_up_starts': dbt.type_string(),
    'open_window_days': 'integer',
    'influence_window_days': 'integer',
    'small_sample_below': 'integer',
    'recycle_minimum_approaches': 'integer',
} -%}
with

days as (

    select
        date_day,
        {{ definition_day('date_day') }} as definition_date
    from {{ ref('int_calendar_days') }}

),

policies as (

    select * from {{ ref('kpi_policies') }}

),

versions as (

    select * from {{ ref('int_kpi_versions') }} where is_published

),

changes as (

    select effective_from as change_date from versions

    union

    select cast({{ dbt.dateadd('day', 1, 'effective_to') }} as date) as change_date
    from versions
    where effective_to is not null

),

regimes as (

    select
        days.date_day,
        max(changes.change_date) as regime_start
    from days
    -- many-to-many: a handful of changes
    inner join changes on days.definition_date >= changes.change_date
    group by days.date_day

),

in_force as (

    select
        {% for policy_id, data_type in policies.items() %}
        cast(
            max(
                case
                    when policies.policy_id = '{{ policy_id }}'
                        then policies.policy_value
                end
            ) as {{ data_type }}
        ) as {{ policy_id }},
        {% endfor %}
        days.date_day
    from days
    -- one-to-many: one value of each policy
    left join policies
        on days.definition_date >= policies.effective_from
        and (
            days.definition_date <= policies.effective_to
            or policies.effective_to is null
        )
    group by days.date_day

),

final as (

    select
        -- texts
        in_force.meeting_counts_at,
        in_force.follow_up_starts,

        -- numerics
        in_force.open_window_days,
        in_force.influence_window_days,
        in_force.small_sample_below,
        in_force.recycle_minimum_approaches,

        -- dates
        in_force.date_day,
        coalesce(
            regimes.regime_start, cast('{{ var("calendar_start") }}' as date)
        ) as regime_start
    from in_force
    -- one-to-one; left, as the first days may precede every definition
    left join regimes on in_force.date_day = regimes.date_day

)

select * from final
