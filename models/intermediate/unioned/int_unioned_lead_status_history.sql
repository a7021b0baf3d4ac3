{#- Grain: one row per status a lead entered. -#}
{{ union_systems('lead_status_history') }}
