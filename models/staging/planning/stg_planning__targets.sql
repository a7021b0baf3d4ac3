{#- Grain: one row per landed row of planning/targets, accepted or not. -#}
{{ stage_landed('planning', 'targets') }}
