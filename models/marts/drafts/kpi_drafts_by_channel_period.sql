{#- Grain: one row per kpi_id, basis, period_grain, period_start and channel_id. -#}
{{ drafts_beside_agreed(
    ref('kpi_by_channel_period'),
    'channel_id',
    members=ref('dim_channels'),
    exists_for='has_channel'
) }}
