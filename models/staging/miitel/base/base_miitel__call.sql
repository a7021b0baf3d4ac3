{#- Grain: one row per landed row of miitel/call, accepted or not. -#}
{{ stage_landed('miitel', 'call') }}
