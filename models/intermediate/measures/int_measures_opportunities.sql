{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    What is counted in deals, at their close, and at their creation, which is credited
    to the creator (R11). Sourced and influenced overlap and are never added.
-#}
with

opportunities as (

    select * from {{ ref('int_opportunities') }} where not is_open

),

created as (

    select * from {{ ref('int_opportunities') }}

),

final as (

    select * from (
        {{ daily_measures(
            relation='opportunities',
            event_date='closed_date',
            cohort_date='acquired_date',
            team='team_at_close',
            measures={
                'deals_won': one_if('is_won'),
                'deals_closed': '1',
                'amount_won': 'case when is_won then amount_jpy else 0 end',
                'amount_closed': 'coalesce(amount_jpy, 0)',
                'amount_won_involved':
                    'case when is_won and (is_sourced or is_influenced) then amount_jpy '
                    ~ 'else 0 end',
                'amount_won_sourced':
                    'case when is_won and is_sourced then amount_jpy else 0 end',
                'amount_won_influenced':
                    'case when is_won and is_influenced then amount_jpy else 0 end',
                'deals_lost': one_if('is_lost'),
                'cycle_days_won': 'case when is_won then '
                    ~ dbt.datediff('created_date', 'closed_date', 'day') ~ ' else 0 end',
            },
        ) }}
    ) as closed_measures

    union all

    select * from (
        {{ daily_measures(
            relation='created',
            event_date='created_date',
            cohort_date='acquired_date',
            rep_id='created_by_id',
            team='team_at_creation',
            measures={
                'opportunities_created': '1',
                'opportunities_sourced': one_if('is_sourced'),
                'amount_created': 'coalesce(amount_jpy, 0)',
                'amount_created_sourced':
                    'case when is_sourced then coalesce(amount_jpy, 0) else 0 end',
            },
        ) }}
    ) as created_measures

)

select * from final
