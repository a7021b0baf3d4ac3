{#- Grain: one row per kpi_id, basis, period_grain, period_start and rep_id. -#}
{{ kpi_by_dimension('rep_id', exists_for='has_rep') }}
