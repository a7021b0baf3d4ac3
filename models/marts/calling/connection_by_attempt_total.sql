{#- Grain: one row per period_grain, period_start and attempt_class. -#}
{{ connection_by(
    'attempt_class', ref('attempt_classes'), counts=['first_connections']
) }}
