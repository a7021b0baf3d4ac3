{#-
    How many are needed at `rate` to get `wanted` (R3): the smallest whole n with n ×
    rate >= wanted, in exact decimals. `ceil(21 / 0.35)` is 61 in binary floating point
    and 60 here, because the quotient only proposes n and the exact product decides.
    NULL for a rate of zero.
-#}
{% macro required_count(wanted, rate) -%}
    {%- set wanted_exact = 'cast(' ~ wanted ~ ' as decimal(18, 6))' -%}
    {%- set rate_exact = 'cast(' ~ rate ~ ' as decimal(18, 6))' -%}
    {%- set quotient -%}
        cast(floor(
            cast({{ wanted }} as {{ type_double() }})
            / nullif(cast({{ rate }} as {{ type_double() }}), 0)
        ) as bigint)
    {%- endset -%}
    case
        when {{ rate }} is null or {{ rate }} = 0 then null
        {%- for shift in [-1, 0, 1] %}
        when ({{ quotient }} + ({{ shift }})) * {{ rate_exact }} >= {{ wanted_exact }}
            then {{ quotient }} + ({{ shift }})
        {%- endfor %}
        else {{ quotient }} + 2
    end
{%- endmacro %}
