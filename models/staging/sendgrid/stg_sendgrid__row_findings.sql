{#-
    Grain: one row per landed row of sendgrid that is rejected, or accepted with a value
    that cannot be read.
-#}
{{ staged_row_findings('sendgrid', {'event': 'base_sendgrid__event'}) }}
