{#- Grain: one row per period_grain, period_start, day_class and hour_of_day. -#}
{{ connection_by('day_class', ref('day_classes'), within=['hour_of_day']) }}
