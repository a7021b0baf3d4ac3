{#- Grain: one row per landed row of generic/users, accepted or not. -#}
{{ stage_landed('generic', 'users') }}
