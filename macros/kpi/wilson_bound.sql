{#-
    Lower or upper bound of the Wilson score interval of a proportion (var `wilson_z`),
    NULL without cases. Source: E. B. Wilson, JASA 22 (1927), 209–212.

    proportion, cases   columns: the share, 0 to 1, and how many cases it is a share of
    bound               low or high
-#}
{% macro wilson_bound(proportion, cases, bound) -%}
    {%- set n = 'nullif(cast(' ~ cases ~ ' as ' ~ type_double() ~ '), 0)' -%}
    {%- set z = var('wilson_z') -%}
    (
        {{ proportion }} + {{ z }} * {{ z }} / (2 * {{ n }})
        {{ '-' if bound == 'low' else '+' }} {{ z }} * sqrt(
            (
                case
                    when {{ proportion }} < 1
                        then {{ proportion }} * (1 - {{ proportion }})
                    else 0
                end
                + {{ z }} * {{ z }} / (4 * {{ n }})
            ) / {{ n }}
        )
    ) / (1 + {{ z }} * {{ z }} / {{ n }})
{%- endmacro %}
