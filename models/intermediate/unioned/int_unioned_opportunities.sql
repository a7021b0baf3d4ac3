{#- Grain: one row per opportunity of any CRM, deleted ones included. -#}
{{ union_systems('opportunities') }}
