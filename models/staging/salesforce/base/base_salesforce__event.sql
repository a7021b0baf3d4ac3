{#- Grain: one row per landed row of salesforce/event, accepted or not. -#}
{{ stage_landed('salesforce', 'event') }}
