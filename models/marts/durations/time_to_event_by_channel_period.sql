{#-
    Grain: one row per distribution_id, basis, period_grain, period_start and channel_id.
-#}
{{ time_to_event_by_dimension(
    ref('int_observations'), 'channel_id', members=ref('dim_channels')
) }}
