{#- Grain: one row per kpi_id, channel_id and rank_number. -#}
{{ best_call_times(ref('connection_by_hour'), dimension='channel_id') }}
