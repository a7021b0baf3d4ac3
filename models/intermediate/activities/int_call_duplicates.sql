{#-
    Grain: one row per call of the CRM's log that is the same call as another record
    (R5).

    By external id first: the CRM's external id is the dialer's, or the id of one of its
    legs; and records of the CRM with one external id are one call. Then by rep, number
    and direction within ±{{ var('duplicate_call_seconds') }} s, one-to-one, nearest
    first: in each round every pair that is the best of both its calls is taken; a test
    says if a round is missing.
-#}
{%- set rounds = 4 -%}
with

calls as (

    -- internal calls too: the CRM's record of one must not become a call
    select * from {{ ref('int_logged_calls') }}

),

legs as (

    select * from {{ ref('int_call_legs') }}

),

crm_calls as (

    select * from calls where logged_by = 'crm'

),

dialer_calls as (

    select * from calls where logged_by is null or logged_by = 'dialer'

),

dialer_ids as (

    select
        external_call_id as external_id,
        call_id
    from dialer_calls
    where external_call_id is not null

    union all

    select
        call_id as external_id,
        call_id
    from dialer_calls

    union all

    select
        legs.leg_id as external_id,
        dialer_calls.call_id
    from legs
    inner join dialer_calls on legs.call_id = dialer_calls.call_id

),

same_external_id as (

    select
        crm_calls.call_id as duplicate_call_id,
        -- an id that several calls share does not tell them apart: the first keeps it
        min(dialer_ids.call_id) as kept_call_id,
        'external_id' as match_method
    from crm_calls
    inner join dialer_ids on crm_calls.external_call_id = dialer_ids.external_id
    group by crm_calls.call_id

),

unmatched_crm_calls as (

    select
        crm_calls.*,
        first_value(crm_calls.call_id) over (
            -- a call without an external id is alone
            partition by coalesce(crm_calls.external_call_id, crm_calls.call_id)
            order by crm_calls.started_at, crm_calls.call_id
        ) as first_call_id
    from crm_calls
    left join same_external_id
        on crm_calls.call_id = same_external_id.duplicate_call_id
    where same_external_id.duplicate_call_id is null

),

logged_twice as (

    select
        call_id as duplicate_call_id,
        first_call_id as kept_call_id
    from unmatched_crm_calls
    where call_id <> first_call_id

),

-- buckets as wide as the window: a match is in the same or a neighbouring one
neighbours as (

    select -1 as shift
    union all
    select 0 as shift
    union all
    select 1 as shift

),

bucketed_crm_calls as (

    select
        unmatched_crm_calls.*,
        cast(
            floor(
                {{ epoch_seconds('unmatched_crm_calls.started_at') }}
                / {{ var('duplicate_call_seconds') }}
            ) as bigint
        ) + neighbours.shift as time_bucket
    from unmatched_crm_calls
    cross join neighbours
    where unmatched_crm_calls.call_id = unmatched_crm_calls.first_call_id

),

bucketed_dialer_calls as (

    select
        dialer_calls.call_id,
        dialer_calls.rep_id,
        dialer_calls.direction,
        dialer_calls.from_number,
        dialer_calls.to_number,
        dialer_calls.started_at,
        cast(
            floor(
                {{ epoch_seconds('dialer_calls.started_at') }}
                / {{ var('duplicate_call_seconds') }}
            ) as bigint
        ) as time_bucket
    from dialer_calls
    left join same_external_id
        on dialer_calls.call_id = same_external_id.kept_call_id
    where same_external_id.kept_call_id is null

),

near_pairs as (

    select
        crm.call_id as crm_call_id,
        dialer.call_id as dialer_call_id,
        dialer.started_at as dialer_started_at,
        abs(
            {{ epoch_seconds('crm.started_at') }}
            - {{ epoch_seconds('dialer.started_at') }}
        ) as gap_seconds,
        case
            when dialer.direction = 'inbound' then crm.from_number
            else crm.to_number
        end as crm_number,
        case
            when dialer.direction = 'inbound' then dialer.from_number
            else dialer.to_number
        end as dialer_number
    from bucketed_crm_calls as crm
    inner join bucketed_dialer_calls as dialer
        on crm.rep_id = dialer.rep_id
        and crm.time_bucket = dialer.time_bucket
    where crm.direction is null or crm.direction = dialer.direction

),

pairs_0 as (

    select * from near_pairs
    where
        gap_seconds <= {{ var('duplicate_call_seconds') }}
        -- landed as E.164; what could not be read is no number
        and crm_number = dialer_number
        and crm_number like '+%'

),

{% for round in range(1, rounds + 1) %}
best_{{ round }} as (

    select
        *,
        row_number() over (
            partition by crm_call_id
            order by gap_seconds, dialer_started_at, dialer_call_id
        ) as crm_rank,
        row_number() over (
            partition by dialer_call_id
            order by gap_seconds, dialer_started_at, crm_call_id
        ) as dialer_rank
    from pairs_{{ round - 1 }}

),

taken_{{ round }} as (

    select * from best_{{ round }} where crm_rank = 1 and dialer_rank = 1

),

pairs_{{ round }} as (

    select pairs.*
    from pairs_{{ round - 1 }} as pairs
    left join taken_{{ round }} as taken_crm
        on pairs.crm_call_id = taken_crm.crm_call_id
    left join taken_{{ round }} as taken_dialer
        on pairs.dialer_call_id = taken_dialer.dialer_call_id
    where taken_crm.crm_call_id is null and taken_dialer.dialer_call_id is null

),
{% endfor %}
near_in_time as (

    {% for round in range(1, rounds + 1) %}
    select
        crm_call_id as duplicate_call_id,
        dialer_call_id as kept_call_id
    from taken_{{ round }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        duplicate_call_id,
        kept_call_id,
        match_method
    from same_external_id

    union all

    select
        duplicate_call_id,
        kept_call_id,
        'rep_number_time' as match_method
    from near_in_time

    union all

    -- the CRM's own doubles follow the record that they double
    select
        logged_twice.duplicate_call_id,
        coalesce(near_in_time.kept_call_id, logged_twice.kept_call_id) as kept_call_id,
        'same_log' as match_method
    from logged_twice
    left join near_in_time
        on logged_twice.kept_call_id = near_in_time.duplicate_call_id

)

select * from final
