{#- Grain: one row per period_grain, period_start, channel_id and attempt_class. -#}
{{ connection_by(
    'attempt_class',
    ref('attempt_classes'),
    dimension='channel_id',
    counts=['first_connections']
) }}
