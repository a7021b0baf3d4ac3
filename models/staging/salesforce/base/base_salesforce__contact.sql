{#- Grain: one row per landed row of salesforce/contact, accepted or not. -#}
{{ stage_landed('salesforce', 'contact') }}
