{#- Grain: one row per account record, merged and deleted ones included. -#}
{{ union_systems('accounts') }}
