{#-
    Grain: one row per landed row of generic/opportunity_stage_history, accepted or not.
-#}
{{ stage_landed('generic', 'opportunity_stage_history') }}
