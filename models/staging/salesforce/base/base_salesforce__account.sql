{#- Grain: one row per landed row of salesforce/account, accepted or not. -#}
{{ stage_landed('salesforce', 'account') }}
