{#- Grain: one row per kpi_id, basis, period_grain, period_start and channel_id. -#}
{{ kpi_by_dimension(
    'channel_id', members=ref('dim_channels'), exists_for='has_channel'
) }}
