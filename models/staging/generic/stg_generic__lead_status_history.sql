{#- Grain: one row per landed row of generic/lead_status_history, accepted or not. -#}
{{ stage_landed('generic', 'lead_status_history') }}
