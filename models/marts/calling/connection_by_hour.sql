{#-
    Grain: one row per period_grain, period_start, channel_id, day_class and hour_of_day.
-#}
{{ connection_by(
    'day_class', ref('day_classes'), dimension='channel_id', within=['hour_of_day']
) }}
