{#-
    Grain: one row per opportunity that counts (not deleted, created by the as-of date).
    Which lead it belongs to, by the same identities as every activity.
-#}
with

opportunities as (

    select * from {{ ref('int_unioned_opportunities') }}
    where
        not coalesce(is_deleted, false)
        and {{ business_date('created_at') }} <= {{ as_of_date() }}

),

identities as (

    select * from {{ ref('int_lead_identities') }}

),

accounts as (

    select * from {{ ref('int_accounts') }}

),

final as (

    select
        -- ids
        opportunities.opportunity_id,
        coalesce(identities.lead_key, opportunities.lead_id) as lead_key,
        identities.lead_id,
        case
            when opportunities.account_id is null then identities.account_id
            -- an account that is in no extract is what its id says
            when accounts.source_account_id is null then opportunities.account_id
            else accounts.account_id
        end as account_id,
        coalesce(identities.channel_id, 'unknown') as channel_id,
        opportunities.owner_id,
        opportunities.created_by_id,

        -- texts
        coalesce(upper(trim(opportunities.currency)), '{{ var("home_currency") }}')
            as currency,
        opportunities.stage as source_stage,
        opportunities.source_system,

        -- numerics
        cast(opportunities.amount as decimal(18, 2)) as amount,

        -- dates
        opportunities.created_at,
        {{ business_date('opportunities.created_at') }} as created_date,
        opportunities.close_date,
        identities.acquired_date
    from opportunities
    -- many-to-one; left, so that deals of unknown leads stay
    left join identities on opportunities.lead_id = identities.source_lead_id
    -- many-to-one
    left join accounts on opportunities.account_id = accounts.source_account_id

)

select * from final
