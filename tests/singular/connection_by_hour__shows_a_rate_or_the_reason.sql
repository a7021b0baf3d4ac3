{#-
    A rate is its counts' quotient and lies in its interval, or is NULL and says why; no
    part is more than its whole (R2). The tolerance is that of a quotient and a root.
-#}
{%- set rates = {
    'connection_rate': ('calls_connected', 'calls_made'),
    'target_connection_rate': ('target_connections', 'calls_to_targets'),
} -%}
{%- set tables = [
    'connection_by_attempt',
    'connection_by_attempt_total',
    'connection_by_hour',
    'connection_by_hour_total',
] -%}
{%- set tolerance = '0.000000000001' -%}
with

rates as (

    {% for table in tables %}
    {%- set last_table = loop.last %}
    {% for rate, (numerator, denominator) in rates.items() %}
    select
        '{{ table }}' as model_name,
        '{{ rate }}' as rate_id,
        period_grain,
        period_start,
        {{ numerator }} as numerator,
        {{ denominator }} as denominator,
        calls_made,
        {{ rate }} as value,
        {{ rate }}_ci_low as ci_low,
        {{ rate }}_ci_high as ci_high,
        {{ rate }}_reason as reason
    from {{ ref(table) }}
    {{ 'union all' if not (last_table and loop.last) }}
    {% endfor %}
    {% endfor %}

)

select * from rates
where
    numerator > denominator
    or denominator > calls_made
    or calls_made = 0
    or (value is null) <> (reason is not null)
    or (value is null) <> (ci_low is null)
    or (value is null) <> (ci_high is null)
    or (denominator = 0) <> coalesce(reason = 'no_cases', false)
    or abs(value * denominator - numerator) > {{ tolerance }} * denominator
    or value < ci_low - {{ tolerance }}
    or value > ci_high + {{ tolerance }}
    or ci_low < -{{ tolerance }}
    or ci_high > 1 + {{ tolerance }}
