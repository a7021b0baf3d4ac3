{#- Grain: one row per user and validity range. -#}
{{ union_systems('users') }}
