-- Calls, connections and meetings by channel and month, by the rules of the warehouse, in one DuckDB
-- query straight from the landed Parquet. It is what the models are measured against, and shares
-- nothing with them: DuckDB's own idioms, no staging, no findings, no other KPI.
-- Parameters: $landing (folder), $seeds (folder), $as_of (date).
with

leads as (
    select
        lead_id,
        merged_into_id,
        lower(trim(source)) as source,
        -- merged into a lead that is not there, deleted, or not acquired yet: no lead
        merged_into_id is not null
        or coalesce(lower(is_deleted) in ('true', 't', '1'), false)
        or cast(cast(created_at as timestamptz) + interval 9 hour as date) > $as_of as is_gone
    from read_parquet($landing || '/generic/leads/*.parquet')
    qualify row_number() over (
        partition by lead_id
        order by cast(updated_at as timestamptz) desc nulls last, _file_name desc, _row_number desc
    ) = 1
),

-- merges are followed for four links, which is one more than anybody has seen
survivors as (
    select
        a.lead_id,
        coalesce(e.lead_id, d.lead_id, c.lead_id, b.lead_id, a.lead_id) as lead_key
    from leads as a
    left join leads as b on a.merged_into_id = b.lead_id
    left join leads as c on b.merged_into_id = c.lead_id
    left join leads as d on c.merged_into_id = d.lead_id
    left join leads as e on d.merged_into_id = e.lead_id
),

channels as (
    select
        survivors.lead_id,
        survivors.lead_key,
        case
            when leads.is_gone or leads.source is null then 'unknown'
            else coalesce(sources.channel_id, 'unmapped')
        end as channel_id
    from survivors
    inner join leads on survivors.lead_key = leads.lead_id
    left join read_csv($seeds || '/mappings/lead_sources.csv', header = true) as sources
        on leads.source = sources.source_code
),

outcomes as (
    select * from read_csv($seeds || '/mappings/call_outcomes.csv', header = true)
),

legs as (
    select
        call_id,
        parent_call_id,
        lead_id,
        rep_id,
        lower(direction) as direction,
        case when lower(direction) = 'inbound' then from_number else to_number end as number,
        cast(started_at as timestamptz) as started_at,
        answered_at is not null as is_answered,
        lower(trim(disposition)) as disposition,
        lower(reached) as reached,
        coalesce(lower(logged_by), 'dialer') as logged_by,
        external_call_id,
        coalesce(lower(is_internal) in ('true', 't', '1'), false) as is_internal
    from read_parquet($landing || '/generic/calls/*.parquet')
    qualify row_number() over (
        partition by call_id order by _file_name desc, _row_number desc
    ) = 1
),

parents as (
    select
        child.call_id as leg_id,
        coalesce(grandparent.parent_call_id, parent.parent_call_id, child.parent_call_id) as call_id
    from legs as child
    left join legs as parent on child.parent_call_id = parent.call_id
    left join legs as grandparent on parent.parent_call_id = grandparent.call_id
    where child.parent_call_id is not null
),

-- few calls have several legs, so only those are grouped
members as (
    select leg_id, call_id from parents
    union
    select call_id as leg_id, call_id from parents
),

calls as (
    select * exclude (parent_call_id)
    from legs
    anti join members on legs.call_id = members.leg_id

    union all by name

    select
        members.call_id,
        arg_min(legs.rep_id, legs.parent_call_id is not null) as rep_id,
        arg_min(legs.lead_id, legs.parent_call_id is not null) as lead_id,
        arg_min(legs.direction, legs.parent_call_id is not null) as direction,
        arg_min(legs.number, legs.parent_call_id is not null) as number,
        arg_min(legs.disposition, legs.parent_call_id is not null) as disposition,
        arg_min(legs.reached, legs.parent_call_id is not null) as reached,
        arg_min(legs.logged_by, legs.parent_call_id is not null) as logged_by,
        arg_min(legs.external_call_id, legs.parent_call_id is not null) as external_call_id,
        arg_min(legs.is_internal, legs.parent_call_id is not null) as is_internal,
        min(legs.started_at) as started_at,
        bool_or(legs.is_answered) as is_answered
    from legs
    inner join members on legs.call_id = members.leg_id
    group by members.call_id
),

dialer as (
    select * from calls where logged_by <> 'crm' and not is_internal
),

crm as (
    select * from calls where logged_by = 'crm' and not is_internal
    qualify row_number() over (
        partition by coalesce(external_call_id, call_id) order by started_at, call_id
    ) = 1
),

by_id as (
    select
        crm.call_id as crm_id,
        coalesce(same.call_id, own.call_id, leg.call_id) as dialer_id
    from crm
    left join (select * from dialer where external_call_id is not null) as same
        on crm.external_call_id = same.external_call_id
    left join dialer as own on crm.external_call_id = own.call_id
    left join parents as leg on crm.external_call_id = leg.leg_id
    where coalesce(same.call_id, own.call_id, leg.call_id) is not null
),

by_time as (
    select
        crm.call_id as crm_id,
        near.call_id as dialer_id
    from (
        select *, unnest([-1, 0, 1]) + epoch(started_at)::bigint // 120 as bucket
        from crm anti join by_id on crm.call_id = by_id.crm_id
    ) as crm
    inner join (
        select *, epoch(started_at)::bigint // 120 as bucket
        from dialer anti join by_id on dialer.call_id = by_id.dialer_id
    ) as near
        on crm.rep_id = near.rep_id
        and crm.bucket = near.bucket
        and abs(epoch(crm.started_at) - epoch(near.started_at)) <= 120
        and coalesce(crm.direction, near.direction) = near.direction
        and right(regexp_replace(crm.number, '[^0-9]', '', 'g'), 9)
            = right(regexp_replace(near.number, '[^0-9]', '', 'g'), 9)
    qualify row_number() over (
        partition by crm.call_id order by abs(epoch(crm.started_at) - epoch(near.started_at))
    ) = 1
    and row_number() over (
        partition by near.call_id order by abs(epoch(crm.started_at) - epoch(near.started_at))
    ) = 1
),

matches as (
    select * from by_id
    union all
    select * from by_time
),

counted_calls as (
    select
        coalesce(noted.lead_id, calls.lead_id) as lead_id,
        cast(calls.started_at + interval 9 hour as date) as call_date,
        calls.is_answered
        or (
            calls.logged_by = 'crm'
            and (outcomes.is_connected or calls.reached in ('target', 'gatekeeper', 'other'))
        ) as is_answered,
        coalesce(noted.disposition, calls.disposition) as disposition,
        coalesce(noted.reached, calls.reached) as stated_reached,
        coalesce(noted.reached, calls.reached, outcomes.reached) as reached,
        outcomes.is_connected as is_outcome_connected
    from (
        select * from dialer
        union all
        select crm.* from crm anti join matches on crm.call_id = matches.crm_id
    ) as calls
    left join (
        select matches.dialer_id, crm.lead_id, crm.disposition, crm.reached
        from matches inner join crm on matches.crm_id = crm.call_id
    ) as noted on calls.call_id = noted.dialer_id
    left join outcomes
        on coalesce(noted.disposition, calls.disposition) = outcomes.disposition_code
    where
        calls.direction = 'outbound'
        and cast(calls.started_at + interval 9 hour as date) <= $as_of
        and not coalesce(outcomes.is_excluded, false)
),

bookings as (
    select
        coalesce(channels.lead_key, appointments.lead_id) as lead_key,
        coalesce(channels.channel_id, 'unknown') as channel_id,
        cast(appointments.booked_at as timestamptz) as booked_at
    from read_parquet($landing || '/generic/appointments/*.parquet') as appointments
    left join channels on appointments.lead_id = channels.lead_id
    where
        appointments.rescheduled_from_id is null
        and appointments.lead_id is not null
        and cast(cast(appointments.booked_at as timestamptz) + interval 9 hour as date) <= $as_of
    qualify row_number() over (
        partition by appointments.appointment_id order by appointments._file_name desc
    ) = 1
),

recycles as (
    select distinct
        coalesce(channels.lead_key, history.lead_id) as lead_key,
        cast(history.entered_at as timestamptz) as recycled_at
    from read_parquet($landing || '/generic/lead_status_history/*.parquet') as history
    inner join read_csv($seeds || '/mappings/lead_statuses.csv', header = true) as statuses
        on lower(trim(history.status)) = statuses.status_code and statuses.is_recycle
    left join channels on history.lead_id = channels.lead_id
),

meetings as (
    select
        bookings.channel_id,
        bookings.booked_at
    from bookings
    asof left join recycles
        on bookings.lead_key = recycles.lead_key and bookings.booked_at >= recycles.recycled_at
    qualify row_number() over (
        partition by bookings.lead_key, recycles.recycled_at order by bookings.booked_at
    ) = 1
),

measured as (
    select
        coalesce(channels.channel_id, 'unknown') as channel_id,
        date_trunc('month', call_date)::date as month_start,
        1 as calls_made,
        (
            is_answered
            and coalesce(reached <> 'machine', true)
            and case
                when disposition is null then true
                when is_outcome_connected is null
                    then coalesce(stated_reached in ('target', 'gatekeeper', 'other'), false)
                else is_outcome_connected
            end
        )::integer as calls_connected,
        0 as meetings
    from counted_calls
    left join channels on counted_calls.lead_id = channels.lead_id

    union all

    select
        channel_id,
        date_trunc('month', booked_at + interval 9 hour)::date as month_start,
        0 as calls_made,
        0 as calls_connected,
        1 as meetings
    from meetings
)

select
    channel_id,
    month_start,
    sum(calls_made) as calls_made,
    sum(calls_connected) as calls_connected,
    sum(meetings) as meetings
from measured
group by all
order by all
