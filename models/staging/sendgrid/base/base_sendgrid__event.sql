{#- Grain: one row per landed row of sendgrid/event, accepted or not. -#}
{{ stage_landed('sendgrid', 'event') }}
