{#-
    Every period of every table of call times and attempts has the calls that the
    published facts hold between its days, the last months too, and none is left out.
-#}
{%- set counts = {
    'calls_made': 'true',
    'calls_connected': 'is_connected',
    'calls_to_targets': 'is_approach_to_target',
    'target_connections': 'is_target_connected',
} -%}
{%- set tables = {
    'connection_by_attempt': 'channel_id',
    'connection_by_attempt_total': "'all'",
    'connection_by_hour': 'channel_id',
    'connection_by_hour_total': "'all'",
} -%}
with

cells as (

    {% for table, channel in tables.items() %}
    select
        '{{ table }}' as model_name,
        period_grain,
        period_start,
        period_end,
        {%- for count in counts %}
        {{ count }},
        {%- endfor %}
        {{ channel }} as channel_id
    from {{ ref(table) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

added_up as (

    select
        model_name,
        period_grain,
        period_start,
        period_end,
        {%- for count in counts %}
        sum({{ count }}) as {{ count }},
        {%- endfor %}
        channel_id
    from cells
    group by model_name, period_grain, period_start, period_end, channel_id

),

calls as (

    {% for channel in ['channel_id', "'all'"] %}
    select
        activity_date,
        is_connected,
        is_approach_to_target,
        is_target_connected,
        {{ channel }} as channel_id
    from {{ ref('fct_activities') }}
    where activity_type = 'call' and direction = 'outbound'
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

daily as (

    select
        activity_date,
        {%- for count, condition in counts.items() %}
        sum({{ one_if(condition) }}) as {{ count }},
        {%- endfor %}
        channel_id
    from calls
    group by activity_date, channel_id

),

facts as (

    select
        added_up.model_name,
        added_up.period_grain,
        added_up.period_start,
        {%- for count in counts %}
        sum(daily.{{ count }}) as {{ count }},
        {%- endfor %}
        added_up.channel_id
    from added_up
    -- one-to-many: the days of the period
    inner join daily
        on daily.activity_date between added_up.period_start and added_up.period_end
        and added_up.channel_id = daily.channel_id
    group by
        added_up.model_name,
        added_up.period_grain,
        added_up.period_start,
        added_up.channel_id

),

-- what is left out of a table altogether is in no row of it
wholes as (

    {% for table in tables %}
    {%- set last_table = loop.last %}
    {% for grain in var('calling_grains') %}
    select
        '{{ table }}' as model_name,
        '{{ grain }}' as period_grain,
        coalesce(sum(calls_made), 0) as calls_made
    from {{ ref(table) }}
    where period_grain = '{{ grain }}'
    {{ 'union all' if not (last_table and loop.last) }}
    {% endfor %}
    {% endfor %}

),

all_calls as (

    select coalesce(sum(calls_made), 0) as calls_made
    from daily
    where channel_id = 'all'

)

select
    added_up.model_name,
    added_up.period_grain,
    added_up.period_start,
    added_up.channel_id
from added_up
-- one-to-one
left join facts
    on added_up.model_name = facts.model_name
    and added_up.period_grain = facts.period_grain
    and added_up.period_start = facts.period_start
    and added_up.channel_id = facts.channel_id
where
    facts.model_name is null
    {%- for count in counts %}
    or added_up.{{ count }} <> facts.{{ count }}
    {%- endfor %}

union all

select
    wholes.model_name,
    wholes.period_grain,
    cast(null as date) as period_start,
    'all' as channel_id
from wholes
cross join all_calls
where wholes.calls_made <> all_calls.calls_made
