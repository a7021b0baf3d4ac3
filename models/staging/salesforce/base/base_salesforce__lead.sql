{#- Grain: one row per landed row of salesforce/lead, accepted or not. -#}
{{ stage_landed('salesforce', 'lead') }}
