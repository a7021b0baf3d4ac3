{#- Grain: one row per landed row of generic/calls, accepted or not. -#}
{{ stage_landed('generic', 'calls') }}
