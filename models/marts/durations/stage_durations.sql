{#-
    Grain: one row per distribution_id, stage_id, basis, period_grain, period_start and
    channel_id.
    How long deals stay in each open stage (cycle time per stage), as
    time_to_event_by_channel_period.
-#}
{{ time_to_event_by_dimension(
    ref('int_observations_time_in_stage'),
    'channel_id',
    members=ref('dim_channels'),
    part='stage_id'
) }}
