{#-
    Grain: one row per cohort_month and to_stage_id.
    stage_conversion_by_cohort of all channels together, apart from it so that no sum
    counts a lead twice.
-#}
{{ stage_conversion() }}
