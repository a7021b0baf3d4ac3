{#-
    Grain: one row per cohort_month, channel_id, stage_id and months_since.
    The funnel of the leads acquired in a month, month by month after it. Channels share
    no lead, so that leads and reached add up over them; rates never do.
-#}
{{ cohort_conversion('channel_id') }}
