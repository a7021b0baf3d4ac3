{#-
    The logarithmic mean of two amounts above zero, (a - b) / (ln a - ln b), and a where
    they are equal: the weight of LMDI-I. Source: B. W. Ang, Energy Policy 33 (2005),
    867–871.

    Where a and b differ by less than 2 %, the quotient of two small differences loses
    digits; there it is the geometric mean times the series of sinh(h) / h, h being half
    of ln(a / b), whose first omitted term is below 1e-15.
-#}
{% macro log_mean(first, second) -%}
    {%- set half = '(ln(' ~ first ~ ' / ' ~ second ~ ') / 2)' -%}
    case
        when abs({{ half }}) < 0.01
            then sqrt({{ first }} * {{ second }}) * (
                1
                + {{ half }} * {{ half }} / 6
                + {{ half }} * {{ half }} * {{ half }} * {{ half }} / 120
            )
        else ({{ first }} - {{ second }}) / (2 * {{ half }})
    end
{%- endmacro %}
