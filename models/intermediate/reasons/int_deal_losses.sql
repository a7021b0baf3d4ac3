{#-
    Grain: one row per lost deal.
    Why it was lost, by the mapping of reasons: `unknown` if nobody says so, `unmapped` if
    no mapping knows what is said. The text itself ends here.
-#}
with

opportunities as (

    select * from {{ ref('int_opportunities') }} where is_lost

),

stated as (

    select * from {{ ref('int_unioned_opportunities') }}

),

reasons as (

    select * from {{ ref('loss_reasons') }}

),

final as (

    select
        -- ids
        opportunities.opportunity_id,
        coalesce(opportunities.channel_id, 'unknown') as channel_id,
        case
            when {{ code_key('stated.loss_reason') }} is null then 'unknown'
            else coalesce(reasons.reason_id, 'unmapped')
        end as reason_id,

        -- numerics
        opportunities.amount_jpy,

        -- dates
        opportunities.closed_date
    from opportunities
    -- one-to-one
    inner join stated on opportunities.opportunity_id = stated.opportunity_id
    -- many-to-one
    left join reasons
        on {{ code_key('stated.loss_reason') }} = reasons.reason_code
        and {{ is_valid_on('reasons', 'opportunities.closed_date') }}

)

select * from final
