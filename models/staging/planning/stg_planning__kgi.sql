{#- Grain: one row per landed row of planning/kgi, accepted or not. -#}
{{ stage_landed('planning', 'kgi') }}
