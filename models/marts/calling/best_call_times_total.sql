{#- Grain: one row per kpi_id and rank_number. -#}
{{ best_call_times(ref('connection_by_hour_total')) }}
