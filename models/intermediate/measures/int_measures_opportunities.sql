{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    What is counted in deals, at their close. Sourced and influenced overlap and are
    never added.
-#}
with

opportunities as (

    select * from {{ ref('int_opportunities') }} where not is_open

),

final as (

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
        },
    ) }}

)

select * from final
