{#-
    Grain: one row per leg that belongs to a call of several legs (R4), the first leg
    included.
    A leg names its parent; the end of the chain of parents is the call, even where that
    first leg itself is in no extract.
-#}
with

legs as (

    select * from {{ ref('int_unioned_calls') }}

),

chains as (

    {{ resolve_chain('legs', 'call_id', 'parent_call_id') }}

),

-- legs in a circle have no first leg: each stays a call of its own, and is a finding
children as (

    select
        id as leg_id,
        root_id as call_id
    from chains
    where not is_cycle

),

final as (

    select
        leg_id,
        call_id
    from children

    union

    select
        legs.call_id as leg_id,
        legs.call_id
    from legs
    inner join children on legs.call_id = children.call_id

)

select * from final
