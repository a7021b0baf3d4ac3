{#-
    Grain: one row per opportunity and stay in an open stage.
    Days from the entry into a stage to the entry into another one. A stage that is
    entered again after another is a second stay; one that is entered twice in a row is
    one stay. The stage that a deal stands in is observed to the end of the as-of date.
-#}
with

entries as (

    select * from {{ ref('int_opportunity_stage_events') }}

),

opportunities as (

    select * from {{ ref('int_opportunities') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

neighbours as (

    select
        *,
        lag(stage_id) over (partition by opportunity_id order by entry_number)
            as previous_stage_id
    from entries

),

first_entries as (

    select * from neighbours
    where previous_stage_id is null or previous_stage_id <> stage_id

),

stays as (

    select
        *,
        row_number() over (partition by opportunity_id order by entry_number)
            as stay_number,
        lead(entered_at) over (partition by opportunity_id order by entry_number)
            as left_at
    from first_entries

),

ended as (

    select
        stays.*,
        opportunities.channel_id,
        opportunities.rep_id,
        opportunities.acquired_date,
        coalesce(stays.left_at, {{ end_of_observation() }}) as ended_at,
        {{ business_date('stays.entered_at') }} as entered_date,
        {{ business_date('stays.left_at') }} as left_date
    from stays
    -- many-to-one
    inner join opportunities on stays.opportunity_id = opportunities.opportunity_id
    -- what is won or lost waits for nothing
    where stays.outcome = 'open'

),

final as (

    select
        -- ids
        'time_in_stage' as distribution_id,
        ended.opportunity_id || ':'
        || cast(ended.stay_number as {{ dbt.type_string() }}) as case_id,
        ended.stage_id,
        ended.channel_id,
        coalesce(ended.rep_id, 'unknown') as rep_id,

        -- texts
        coalesce(reps.team, 'unknown') as team,

        -- numerics
        cast(
            {{ epoch_seconds('ended.ended_at') }}
            - {{ epoch_seconds('ended.entered_at') }} as {{ type_double() }}
        ) / 86400.0 as observed_value,

        -- booleans
        ended.left_at is not null as is_finished,

        -- dates
        ended.left_date as event_date,
        ended.acquired_date as cohort_date
    from ended
    -- many-to-one: ranges of a rep do not overlap
    left join reps
        on ended.rep_id = reps.rep_id
        and coalesce(ended.left_date, ended.entered_date)
        between reps.valid_from and reps.valid_to

)

select * from final
