{#- Grain: one row per landed row of planning/attendance, accepted or not. -#}
{{ stage_landed('planning', 'attendance') }}
