{#- Grain: one row per permission a lead gave. -#}
{{ union_systems('permissions') }}
