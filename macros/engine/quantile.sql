{#-
    The quantile of an expression over a group, NULLs apart, interpolated linearly
    between the two cases around it: at 1 + (n - 1) × share of n cases in order. It is
    definition 7 of Hyndman and Fan, The American Statistician 50 (1996), 361–365, and
    what percentile_cont of standard SQL, Excel and NumPy do.
-#}
{% macro quantile(expression, share) -%}
    {{ return(adapter.dispatch('quantile')(expression, share)) }}
{%- endmacro %}

{% macro default__quantile(expression, share) -%}
    percentile_cont({{ share }}) within group (order by {{ expression }})
{%- endmacro %}

{% macro spark__quantile(expression, share) -%}
    percentile({{ expression }}, {{ share }})
{%- endmacro %}
