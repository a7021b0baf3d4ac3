{#-
    A select of daily measures from one fact: (measure_id, basis, regime_start,
    measure_date, channel_id, rep_id, team, quantity), rows of nothing left out; and how
    much of the quantity lies in the month of its cohort (quantity_same_month) and how
    much has no cohort (quantity_no_cohort), so that the two bases can be held against
    each other.

    relation        CTE whose rows are the events
    measures        measure_id -> SQL of one event's quantity (1 and 0 for counts, or an
                    amount)
    event_date      column: when it happened; on both bases it decides by which
                    definitions the event is counted
    cohort_date     column: what the cohort is dated by, NULL for events in no cohort;
                    none: the measures have no cohort basis
    rep_id, team, channel_id   columns; NULL becomes `unknown`
    cohort_team     column: the team on the cohort basis, where it is not that of the
                    event; none: the same

    One pass over the fact per basis, all its measures side by side, then one row per
    measure.
-#}
{% macro daily_measures(
    relation, measures, event_date, cohort_date,
    rep_id='rep_id', team='team', channel_id='channel_id', cohort_team=none
) -%}
    {%- set bases = {'event': (event_date, team)} -%}
    {%- if cohort_date is not none -%}
        {%- do bases.update({'cohort': (cohort_date, cohort_team or team)}) -%}
    {%- endif -%}
    with

    {% for basis, (date_column, team_column) in bases.items() -%}
    {{ basis }}_sums as (

        select
            '{{ basis }}' as basis,
            regime_start,
            {{ date_column }} as measure_date,
            {{ channel_id }} as channel_id,
            {{ rep_id }} as rep_id,
            {{ team_column }} as team
            {%- for measure_id, quantity in measures.items() %},
            sum({{ quantity }}) as {{ measure_id }},
            sum(({{ quantity }}) * is_same_month) as {{ measure_id }}_same_month,
            {#- on the cohort basis nothing is without a cohort #}
            {{ 'sum((' ~ quantity ~ ') * is_without_cohort)' if basis == 'event' else 0 }}
                as {{ measure_id }}_no_cohort
            {%- endfor %}
        from (
            select
                {{ relation }}.*,
                agreements.regime_start,
                {%- if cohort_date is none %}
                0 as is_same_month,
                1 as is_without_cohort
                {%- else %}
                {%- set months = [] %}
                {%- for date_column in [event_date, cohort_date] %}
                {%- do months.append(
                    dbt.date_trunc('month', relation ~ '.' ~ date_column)
                ) %}
                {%- endfor %}
                {{ one_if(months | join(' = ')) }} as is_same_month,
                {{ one_if(relation ~ '.' ~ cohort_date ~ ' is null') }}
                    as is_without_cohort
                {%- endif %}
            from {{ relation }}
            -- many-to-one
            inner join {{ ref('int_agreements') }} as agreements
                on {{ relation }}.{{ event_date }} = agreements.date_day
        ) as dated
        where {{ date_column }} is not null
        group by
            regime_start,
            {{ date_column }},
            {{ channel_id }},
            {{ rep_id }},
            {{ team_column }}

    ){{ ',' if not loop.last }}

    {% endfor -%}

    {% for basis in bases -%}
        {%- set outer_last = loop.last -%}
        {%- for measure_id in measures %}
    select
        '{{ measure_id }}' as measure_id,
        basis,
        coalesce(channel_id, 'unknown') as channel_id,
        coalesce(rep_id, 'unknown') as rep_id,
        coalesce(team, 'unknown') as team,
        {%- for part in ['', '_same_month', '_no_cohort'] %}
        cast({{ measure_id ~ part }} as decimal(18, 2)) as quantity{{ part }},
        {%- endfor %}
        regime_start,
        measure_date
    from {{ basis }}_sums
    where
        {{ measure_id }} <> 0
        -- amounts below zero can cancel each other out
        or {{ measure_id }}_same_month <> 0
        or {{ measure_id }}_no_cohort <> 0
    {{ 'union all' if not (outer_last and loop.last) }}
        {%- endfor %}
    {%- endfor %}
{%- endmacro %}
