{#- Grain: one row per landed row of planning/company_holidays, accepted or not. -#}
{{ stage_landed('planning', 'company_holidays') }}
