{#- Grain: one row per kpi_id, basis, period_grain and period_start. -#}
{{ kpi_by_dimension(none) }}
