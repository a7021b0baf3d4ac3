{#- Grain: one row per landed row of salesforce/user, accepted or not. -#}
{{ stage_landed('salesforce', 'user') }}
