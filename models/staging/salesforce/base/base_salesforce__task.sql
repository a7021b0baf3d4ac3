{#- Grain: one row per landed row of salesforce/task, accepted or not. -#}
{{ stage_landed('salesforce', 'task') }}
