{#- Grain: one row per booking; a reschedule is a further one. -#}
{{ union_systems('appointments') }}
