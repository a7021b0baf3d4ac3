{#-
    A select of daily measures from one fact: (measure_id, basis, regime_start,
    measure_date, channel_id, rep_id, team, quantity), zero quantities left out.

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
            sum({{ quantity }}) as {{ measure_id }}
            {%- endfor %}
        from (
            select
                {{ relation }}.*,
                agreements.regime_start
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
        cast({{ measure_id }} as decimal(18, 2)) as quantity,
        regime_start,
        measure_date
    from {{ basis }}_sums
    where {{ measure_id }} <> 0
    {{ 'union all' if not (outer_last and loop.last) }}
        {%- endfor %}
    {%- endfor %}
{%- endmacro %}
