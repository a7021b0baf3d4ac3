{#- Grain: one row per approach that is neither a call nor a mail. -#}
{{ union_systems('touches') }}
