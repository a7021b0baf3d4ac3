{#-
    Grain: one row per stage_id, basis, period_grain, period_start and channel_id.
    How long deals stay in each open stage (cycle time per stage), in days, by the rules
    of time_to_event_by_channel_period. The event is that the deal left the stage.
-#}
with

durations as (

    select * from (
        {{ time_to_event_by_dimension(
            ref('int_observations_time_in_stage'),
            'channel_id',
            members=ref('dim_channels'),
            part='stage_id'
        ) }}
    ) as computed

),

stages as (

    select
        stage_id,
        min(name_ja) as name_ja,
        min(name_en) as name_en,
        min(stage_rank) as stage_rank
    from {{ ref('opportunity_stages') }}
    group by stage_id

),

final as (

    select
        -- ids
        durations.stage_id,
        durations.channel_id,
        durations.basis,
        durations.period_grain,

        -- texts
        stages.name_ja as stage_name_ja,
        stages.name_en as stage_name_en,
        durations.unit,
        durations.median_reason,
        durations.km_median_reason,

        -- numerics
        cast(stages.stage_rank as integer) as stage_rank,
        durations.cases,
        durations.finished,
        durations.censored,
        durations.median,
        durations.p90,
        durations.km_median,
        durations.at_risk_at_median,

        -- booleans
        durations.is_small_sample,
        durations.is_mature,
        durations.is_complete,

        -- dates
        durations.period_start,
        durations.period_end
    from durations
    -- many-to-one; left, as a stage may be unmapped
    left join stages on durations.stage_id = stages.stage_id

)

select * from final
