{#- Grain: one row per kpi_id, basis, period_grain, period_start and team. -#}
{{ kpi_by_dimension('team', exists_for='has_team') }}
