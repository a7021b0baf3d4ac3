{#- Grain: one row per landed row of generic/appointments, accepted or not. -#}
{{ stage_landed('generic', 'appointments') }}
