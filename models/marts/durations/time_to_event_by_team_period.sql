{#- Grain: one row per distribution_id, basis, period_grain, period_start and team. -#}
{{ time_to_event_by_dimension(ref('int_observations'), 'team') }}
