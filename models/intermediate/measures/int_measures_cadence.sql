{#-
    Grain: one row per measure, basis, regime, date, channel, rep and team.
    How leads are worked. What a lead has become by the as-of date is dated by its
    acquisition on both bases, as the lead itself is; a first approach, a first
    connection and a recycle have days of their own.
-#}
with

cadence as (

    select * from {{ ref('int_lead_cadence') }}

),

recycles as (

    select * from {{ ref('int_lead_recycles') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

acquired as (

    select
        cadence.*,
        reps.team
    from cadence
    left join reps
        on cadence.rep_id = reps.rep_id
        and cadence.acquired_date between reps.valid_from and reps.valid_to

),

approached as (

    select * from cadence where first_approach_date is not null

),

connected as (

    select * from cadence where first_connection_date is not null

),

final as (

    select * from (
        {{ daily_measures(
            relation='acquired',
            event_date='acquired_date',
            cohort_date='acquired_date',
            measures={
                'leads_touched_3_to_5': one_if(
                    'touch_count between ' ~ var('few_touches_from')
                    ~ ' and ' ~ var('few_touches_to')
                ),
                'leads_touched_5_or_more': one_if(
                    'touch_count >= ' ~ var('many_touches_from')
                ),
                'untouched_leads': one_if('is_untouched'),
                'untouched_lead_days': 'coalesce(untouched_days, 0)',
            },
        ) }}
    ) as states

    union all

    select * from (
        {{ daily_measures(
            relation='approached',
            event_date='first_approach_date',
            cohort_date='acquired_date',
            rep_id='first_approach_rep_id',
            team='first_approach_team',
            measures={'leads_approached': '1'},
        ) }}
    ) as first_approaches

    union all

    select * from (
        {{ daily_measures(
            relation='connected',
            event_date='first_connection_date',
            cohort_date='acquired_date',
            rep_id='first_connection_rep_id',
            team='first_connection_team',
            measures={
                'leads_connected': '1',
                'approaches_until_connected': 'attempts_to_first_connection',
            },
        ) }}
    ) as first_connections

    union all

    select * from (
        {{ daily_measures(
            relation='recycles',
            event_date='recycled_date',
            cohort_date='acquired_date',
            measures={
                'leads_recycled': '1',
                'leads_recycled_too_early': one_if('is_too_early'),
            },
        ) }}
    ) as recycle_measures

)

select * from final
