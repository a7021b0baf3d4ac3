{#- Grain: one row per landed row of generic/email_events, accepted or not. -#}
{{ stage_landed('generic', 'email_events') }}
