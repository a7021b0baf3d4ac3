{#- Grain: one row per kpi_id, basis, period_grain and period_start. -#}
{{ drafts_beside_agreed(ref('kpi_by_period')) }}
