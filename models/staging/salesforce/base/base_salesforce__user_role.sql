{#- Grain: one row per landed row of salesforce/user_role, accepted or not. -#}
{{ stage_landed('salesforce', 'user_role') }}
