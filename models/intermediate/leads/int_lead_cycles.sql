{#-
    Grain: one row per lead key and engagement cycle from the second one on.
    A recycle starts a new cycle; what is in no row of this model is in cycle 1.
-#}
with

status_history as (

    select * from {{ ref('int_unioned_lead_status_history') }}
    where {{ business_date('entered_at') }} <= {{ as_of_date() }}

),

statuses as (

    select * from {{ ref('lead_statuses') }}

),

identities as (

    select * from {{ ref('int_lead_identities') }}

),

recycles as (

    -- distinct: two merged records of one lead may carry the same recycle
    select distinct
        coalesce(identities.lead_key, status_history.lead_id) as lead_key,
        status_history.entered_at
    from status_history
    inner join statuses
        on {{ code_key('status_history.status') }} = statuses.status_code
        and {{ is_valid_on('statuses', business_date('status_history.entered_at')) }}
    -- many-to-one; left, as the lead itself may be in no extract
    left join identities on status_history.lead_id = identities.source_lead_id
    where statuses.is_recycle

),

final as (

    select
        lead_key,
        cast(
            1 + row_number() over (partition by lead_key order by entered_at) as integer
        ) as cycle_number,
        entered_at as started_at,
        lead(entered_at) over (partition by lead_key order by entered_at) as ended_at
    from recycles

)

select * from final
