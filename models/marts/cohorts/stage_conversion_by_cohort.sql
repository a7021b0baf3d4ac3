{#-
    Grain: one row per cohort_month, channel_id and to_stage_id.
    From each stage of the funnel to the next, of the leads acquired in a month.
-#}
{{ stage_conversion('channel_id') }}
