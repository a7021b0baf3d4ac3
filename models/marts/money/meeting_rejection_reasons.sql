{#-
    Grain: one row per period_grain, period_start, channel_id and reason_id.
    Why field sales judged that held meetings have no prospect, on the day of the judgement.
-#}
{{ reasons_by_period(
    ref('int_meeting_rejections'),
    event_date='judged_date',
    cases='meetings_rejected',
) }}
