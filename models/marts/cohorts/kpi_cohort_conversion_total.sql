{#-
    Grain: one row per cohort_month, stage_id and months_since.
    kpi_cohort_conversion of all channels together, apart from it so that no sum counts
    a lead twice.
-#}
{{ cohort_conversion() }}
