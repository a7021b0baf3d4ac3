{#- Grain: one row per distribution_id, basis, period_grain and period_start. -#}
{{ time_to_event_by_dimension(ref('int_observations')) }}
