{#- Grain: one row per event of a message. -#}
{{ union_systems('email_events') }}
