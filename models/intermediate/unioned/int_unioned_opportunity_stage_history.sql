{#- Grain: one row per stage an opportunity entered. -#}
{{ union_systems('opportunity_stage_history') }}
