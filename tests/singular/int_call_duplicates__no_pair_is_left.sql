-- Every near pair of records must have at least one side matched, or a round is
-- missing.
with

crm_calls as (

    select * from {{ ref('int_logged_calls') }}
    where logged_by = 'crm'

),

dialer_calls as (

    select * from {{ ref('int_logged_calls') }}
    where coalesce(logged_by, 'dialer') = 'dialer'

),

duplicates as (

    select * from {{ ref('int_call_duplicates') }}

)

select
    crm_calls.call_id as crm_call_id,
    dialer_calls.call_id as dialer_call_id
from crm_calls
inner join dialer_calls
    on crm_calls.rep_id = dialer_calls.rep_id
    and cast(crm_calls.started_at as date) = cast(dialer_calls.started_at as date)
left join duplicates as matched_crm
    on crm_calls.call_id = matched_crm.duplicate_call_id
left join duplicates as matched_dialer
    on dialer_calls.call_id = matched_dialer.kept_call_id
where
    matched_crm.duplicate_call_id is null
    and matched_dialer.kept_call_id is null
    and abs(
        {{ epoch_seconds('crm_calls.started_at') }}
        - {{ epoch_seconds('dialer_calls.started_at') }}
    ) <= {{ var('duplicate_call_seconds') }}
    and coalesce(crm_calls.direction, dialer_calls.direction) = dialer_calls.direction
    and case
        when dialer_calls.direction = 'inbound' then crm_calls.from_number
        else crm_calls.to_number
    end
    = case
        when dialer_calls.direction = 'inbound' then dialer_calls.from_number
        else dialer_calls.to_number
    end
    and case
        when dialer_calls.direction = 'inbound' then crm_calls.from_number
        else crm_calls.to_number
    end like '+%'
