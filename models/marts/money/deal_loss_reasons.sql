{#-
    Grain: one row per period_grain, period_start, channel_id and reason_id.
    Why deals were lost, at their close.
-#}
{{ reasons_by_period(
    ref('int_deal_losses'),
    event_date='closed_date',
    cases='deals_lost',
    amount='amount_jpy',
    amount_name='amount_lost',
) }}
