{#- Grain: one row per landed row of generic/permissions, accepted or not. -#}
{{ stage_landed('generic', 'permissions') }}
