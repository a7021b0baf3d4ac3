-- Registry and models, both ways.
with

observed as (

    select distinct distribution_id from {{ ref('int_observations') }}

    union

    select distinct distribution_id from {{ ref('int_observations_time_in_stage') }}

),

registered as (

    select distribution_id from {{ ref('distributions') }}

),

-- an organisation may have no deals or no meetings, and an empty warehouse has nothing
expected as (

    select distribution_id
    from {{ ref('distributions') }}
    where
        distribution_id in ('speed_to_lead', 'speed_to_lead_business')
        and exists (select 1 from {{ ref('fct_leads') }})

)

select
    observed.distribution_id,
    'is not registered' as problem
from observed
left join registered on observed.distribution_id = registered.distribution_id
where registered.distribution_id is null

union all

select
    expected.distribution_id,
    'is not observed' as problem
from expected
left join observed on expected.distribution_id = observed.distribution_id
where observed.distribution_id is null
