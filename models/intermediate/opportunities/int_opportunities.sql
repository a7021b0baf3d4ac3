{#-
    Grain: one row per opportunity that counts.
    Outcome, close, amount in yen at the close-date rate (R14) and the credit of inside
    sales (R11).
-#}
with

opportunities as (

    select * from {{ ref('int_opportunity_leads') }}

),

outcomes as (

    select * from {{ ref('int_opportunity_outcomes') }}

),

credits as (

    select * from {{ ref('int_opportunity_credits') }}

),

reps as (

    select * from {{ ref('int_rep_validity') }}

),

fx_rates as (

    select * from {{ ref('stg_planning__fx_rates') }} where is_accepted

),

closed as (

    select
        opportunities.*,
        outcomes.stage_id,
        coalesce(outcomes.outcome, 'open') as outcome,
        coalesce(outcomes.reopened_count, 0) as reopened_count,
        outcomes.outcome_at,
        outcomes.proposal_at,
        coalesce(outcomes.proposal_owner_id, opportunities.owner_id)
            as proposal_owner_id,
        outcomes.closed_date
    from opportunities
    -- one-to-one
    left join outcomes on opportunities.opportunity_id = outcomes.opportunity_id

),

-- the rate of the day, or of the last day before it that has one
rated as (

    select
        closed.opportunity_id,
        fx_rates.jpy_rate,
        fx_rates.date as rate_date,
        row_number() over (
            partition by closed.opportunity_id order by fx_rates.date desc
        ) as rate_number_from_last
    from closed
    -- one-to-many
    inner join fx_rates
        on closed.currency = upper(trim(fx_rates.currency))
        and fx_rates.date <= coalesce(closed.closed_date, {{ as_of_date() }})
    where closed.currency <> 'JPY'

),

credited as (

    select
        closed.*,
        cast(
            case when closed.currency = 'JPY' then 1 else rated.jpy_rate end
            as decimal(18, 6)
        ) as fx_rate,
        case
            when closed.currency = 'JPY'
                then coalesce(closed.closed_date, {{ as_of_date() }})
            else rated.rate_date
        end as fx_rate_date,
        coalesce(creators.team, 'unknown') as team_at_creation,
        coalesce(creators.is_inside_sales, false) as is_sourced,
        coalesce(credits.is_influenced, false) as is_influenced,
        case
            when creators.is_inside_sales then closed.created_by_id
            else coalesce(credits.booking_rep_id, credits.influencing_rep_id)
        end as rep_id
    from closed
    -- one-to-one
    left join rated
        on closed.opportunity_id = rated.opportunity_id
        and rated.rate_number_from_last = 1
    -- one-to-one
    left join credits on closed.opportunity_id = credits.opportunity_id
    -- many-to-one: ranges of a user do not overlap
    left join reps as creators
        on closed.created_by_id = creators.rep_id
        and closed.created_date between creators.valid_from and creators.valid_to

),

final as (

    select
        -- ids
        credited.opportunity_id,
        credited.lead_key,
        credited.lead_id,
        credited.account_id,
        credited.channel_id,
        credited.rep_id,
        credited.owner_id,
        credited.proposal_owner_id,
        credited.created_by_id,

        -- texts
        credited.source_system,
        coalesce(credited.stage_id, 'unknown') as stage,
        credited.currency,
        coalesce(closers.team, 'unknown') as team_at_close,
        -- the creator's, who is credited with the creation (R11)
        credited.team_at_creation,

        -- numerics
        credited.amount,
        credited.fx_rate,
        cast(credited.amount * credited.fx_rate as decimal(18, 2)) as amount_jpy,
        credited.reopened_count,

        -- booleans
        credited.outcome = 'open' as is_open,
        credited.outcome = 'won' as is_won,
        credited.outcome = 'lost' as is_lost,
        credited.is_sourced,
        credited.is_influenced,

        -- dates
        credited.created_at,
        credited.proposal_at,
        case when credited.outcome = 'won' then credited.outcome_at end as won_at,
        case when credited.outcome = 'lost' then credited.outcome_at end as lost_at,
        credited.created_date,
        credited.closed_date,
        credited.fx_rate_date,
        credited.acquired_date
    from credited
    left join reps as closers
        on credited.rep_id = closers.rep_id
        and credited.closed_date between closers.valid_from and closers.valid_to

)

select * from final
