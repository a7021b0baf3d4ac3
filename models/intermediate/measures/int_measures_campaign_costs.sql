{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    Campaign cost. It belongs to a channel and a day, never to a rep or a cohort.
-#}
with

costs as (

    select
        channel_id,
        cost,
        cost_date,
        cast(null as {{ dbt.type_string() }}) as rep_id,
        cast(null as {{ dbt.type_string() }}) as team
    from {{ ref('int_campaign_costs') }}

),

final as (

    {{ daily_measures(
        relation='costs',
        event_date='cost_date',
        cohort_date=none,
        measures={'campaign_cost': 'cost'},
    ) }}

)

select * from final
