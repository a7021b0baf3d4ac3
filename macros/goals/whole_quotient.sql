{#-
    dividend ÷ divisor, rounded to a whole number in exact decimals (R3): up, the smallest
    n with n × divisor >= dividend; down, the largest with n × divisor <= dividend. The
    binary floating point quotient only proposes n, the exact products decide, as in
    required_count. NULL for a divisor of zero.

    dividend, divisor   SQL of decimals >= 0 whose types leave room for the product: the
                        whole number has up to 18 digits, so the divisor at most 20
    rounding            up or down
-#}
{% macro whole_quotient(dividend, divisor, rounding='up') -%}
    {%- set sign = 1 if rounding == 'up' else -1 -%}
    {%- set proposed -%}
        cast(floor(
            cast({{ dividend }} as {{ type_double() }})
            / nullif(cast({{ divisor }} as {{ type_double() }}), 0)
        ) as decimal(18, 0))
    {%- endset -%}
    case
        when {{ divisor }} = 0 or {{ dividend }} is null then null
        {%- for shift in [-1, 0, 1] %}
        when
            ({{ proposed }} + ({{ shift * sign }})) * {{ divisor }}
            {{ '>=' if rounding == 'up' else '<=' }} {{ dividend }}
            then {{ proposed }} + ({{ shift * sign }})
        {%- endfor %}
        else {{ proposed }} + ({{ 2 * sign }})
    end
{%- endmacro %}
