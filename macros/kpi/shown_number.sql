{#-
    A number as a sentence shows it, for numbers from 0 to below a trillion: a rate in
    percent, else with commas between the thousands and two decimals if it has any.
-#}
{% macro shown_number(number, unit) -%}
    {%- set whole -%}
        lpad(
            cast(cast(floor({{ number }}) as bigint) as {{ dbt.type_string() }}), 12, ' '
        )
    {%- endset -%}
    case
        when {{ unit }} = 'rate'
            then cast(
                cast({{ number }} * 100 as decimal(18, 2)) as {{ dbt.type_string() }}
            ) || ' %'
        else
            trim(leading ' ,' from
                substr({{ whole }}, 1, 3) || ',' || substr({{ whole }}, 4, 3) || ','
                || substr({{ whole }}, 7, 3) || ',' || substr({{ whole }}, 10, 3)
            )
            || case
                when {{ number }} = floor({{ number }}) then ''
                else '.' || lpad(
                    cast(
                        cast(floor(({{ number }} - floor({{ number }})) * 100) as bigint)
                        as {{ dbt.type_string() }}
                    ), 2, '0'
                )
            end
    end
{%- endmacro %}
