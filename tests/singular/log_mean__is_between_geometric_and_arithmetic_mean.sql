{#-
    The logarithmic mean times ln(a / b) is a - b, for amounts far apart, close together
    and on both sides of the macro's change of formula (2 %); and it lies between the
    geometric and the arithmetic mean, as every mean of this family does.
-#}
{%- set pairs = [
    ('1', '1'), ('1', '1000000000'), ('0.01', '99999999.99'), ('100', '101'),
    ('100', '102.0201'), ('100', '102.02'), ('100', '102.021'), ('100', '120'),
    ('60751383.38', '60751383.37'), ('50', '100'), ('5000000000', '4999999999.99'),
] -%}
with

pairs as (

    {% for first, second in pairs -%}
    select
        cast({{ first }} as {{ type_double() }}) as first_amount,
        cast({{ second }} as {{ type_double() }}) as second_amount
    union all
    select
        cast({{ second }} as {{ type_double() }}) as first_amount,
        cast({{ first }} as {{ type_double() }}) as second_amount
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

means as (

    select
        first_amount,
        second_amount,
        {{ log_mean('first_amount', 'second_amount') }} as log_mean
    from pairs

)

select * from means
where
    log_mean is null
    or log_mean > (first_amount + second_amount) / 2 * (1 + 1e-15)
    or log_mean < sqrt(first_amount * second_amount) * (1 - 1e-15)
    or abs(
        log_mean * ln(first_amount / second_amount) - (first_amount - second_amount)
    ) > 1e-14 * (first_amount + second_amount)
    -- between equal growth up and down nothing is left
    or (first_amount = second_amount and log_mean <> first_amount)
