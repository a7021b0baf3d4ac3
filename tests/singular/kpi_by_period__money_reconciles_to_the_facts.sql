{#-
    Deals, yen and days of the money KPIs, added up from the published facts apart from the
    measures. Only KPIs that one version counts from the first day on.
-#}
{%- set sides = {
    'numerator': {
        'fct_opportunities': {
            'opportunities_created': '1',
            'opportunities_sourced': 'case when is_sourced then 1 end',
            'pipeline_created': 'case when is_sourced then amount_jpy end',
            'pipeline_created_total': 'amount_jpy',
            'deals_lost': 'case when is_lost then 1 end',
            'average_deal': 'case when is_won then amount_jpy end',
            'average_cycle_days': 'case when is_won then days_to_close end',
        },
        'fct_campaign_costs': {
            'campaign_cost': 'cost',
            'cost_per_meeting': 'cost',
            'cost_per_qualified_meeting': 'cost',
        },
    },
    'denominator': {
        'fct_opportunities': {
            'average_deal': 'case when is_won then 1 end',
            'average_cycle_days': 'case when is_won then 1 end',
        },
        'fct_campaign_costs': {
            'return_on_campaign_cost': 'cost',
        },
        'fct_appointments': {
            'cost_per_qualified_meeting': "case when judgement = 'qualified' then 1 end",
        },
    },
} -%}
with

definitions as (

    select * from {{ ref('dim_kpis') }}

),

kpis as (

    select kpi_id
    from definitions
    where is_published
    group by kpi_id
    having
        count(*) = 1
        and min(effective_from) <= cast('{{ var("calendar_start") }}' as date)
        and min(effective_to) is null

),

facts as (

    {% for side, side_facts in sides.items() %}
    {%- set last_side = loop.last %}
    {% for fact, quantities in side_facts.items() %}
    {%- set last_fact = loop.last %}
    {% for kpi_id, quantity in quantities.items() %}
    select
        '{{ kpi_id }}' as kpi_id,
        '{{ side }}' as side,
        coalesce(sum({{ quantity }}), 0) as quantity
    from {{ ref(fact) }}
    {{ 'union all' if not (last_side and last_fact and loop.last) }}
    {% endfor %}
    {% endfor %}
    {% endfor %}

),

-- fiscal years, as they cover each day once
totals as (

    {% for side in sides %}
    select
        kpi_id,
        '{{ side }}' as side,
        sum({{ side }}) as quantity
    from {{ ref('kpi_by_period') }}
    where basis = 'event' and period_grain = 'fiscal_year'
    group by kpi_id
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    facts.kpi_id,
    facts.side,
    facts.quantity as fact_quantity,
    totals.quantity as published_quantity
from facts
-- many-to-one
inner join kpis on facts.kpi_id = kpis.kpi_id
-- one-to-one
left join totals on facts.kpi_id = totals.kpi_id and facts.side = totals.side
where facts.quantity <> coalesce(totals.quantity, 0)
