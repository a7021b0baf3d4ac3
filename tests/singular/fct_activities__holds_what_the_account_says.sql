-- What the account says is in a fact is there once, over all facts. A row that is
-- derived from one which another object accounts for names no file, and counts apart.
with

accounted as (

    select coalesce(sum(row_count), 0) as row_count
    from {{ ref('int_row_accounting') }}
    where fate = 'in_fact'

),

derived as (

    {% for model in ['int_calls', 'int_emails', 'int_touches', 'int_appointments'] %}
    select count(*) as row_count
    from {{ ref(model) }}
    where source_file is null and exclusion_rule is null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

facts as (

    {% for fact in ['fct_activities', 'fct_leads', 'fct_opportunities'] %}
    select count(*) as row_count from {{ ref(fact) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

sums as (

    select
        accounted.row_count as accounted_rows,
        (select sum(derived.row_count) from derived) as derived_rows,
        (select sum(facts.row_count) from facts) as fact_rows
    from accounted

)

select
    accounted_rows,
    derived_rows,
    fact_rows
from sums
where accounted_rows + derived_rows <> fact_rows
