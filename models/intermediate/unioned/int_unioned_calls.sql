{#- Grain: one row per leg of a call, as one system logged it. -#}
{{ union_systems('calls') }}
