{#-
    Grain: one row per opportunity and time from which it had an owner; valid_from is
    empty for the owner before the first change.
    Salesforce writes a change of owner twice, with ids and with names. Either is read: an
    id, or a name that only one user has; a value that is neither says nothing.
-#}
with

changes as (

    select * from {{ ref('base_salesforce__opportunity_field_history_fates') }}
    where fate = 'used'

),

users as (

    select * from {{ ref('base_salesforce__user') }} where is_accepted

),

names as (

    select
        name,
        max(id) as user_id
    from users
    where name is not null
    group by name
    having count(*) = 1

),

owner_values as (

    select
        changes.id,
        changes.opportunity_id,
        changes.created_date,
        {%- for value in ['old_value', 'new_value'] %}
        coalesce(
            {{ value }}_users.id,
            {{ value }}_names.user_id,
            -- of a user that is in no extract; 005 begins the id of every user
            case
                when
                    changes.{{ value }} like '005%'
                    and length(changes.{{ value }}) in (15, 18)
                    then {{ salesforce_id('changes.' ~ value) }}
            end
        ) as {{ value }}{{ ',' if not loop.last }}
        {%- endfor %}
    from changes
    {%- for value in ['old_value', 'new_value'] %}
    -- many-to-one
    left join users as {{ value }}_users
        on {{ salesforce_id('changes.' ~ value) }} = {{ value }}_users.id
    -- many-to-one
    left join names as {{ value }}_names
        on changes.{{ value }} = {{ value }}_names.name
    {%- endfor %}

),

-- of the two rows of one change either does, as both say the same
ordered as (

    select
        opportunity_id,
        old_value,
        new_value,
        created_date,
        row_number() over (
            partition by opportunity_id order by created_date, id
        ) as change_number,
        lead(created_date) over (
            partition by opportunity_id order by created_date, id
        ) as next_created_date
    from owner_values
    where new_value is not null

),

final as (

    select
        opportunity_id,
        old_value as owner_id,
        cast(null as timestamp) as valid_from,
        created_date as valid_to
    from ordered
    where change_number = 1 and old_value is not null

    union all

    select
        opportunity_id,
        new_value as owner_id,
        created_date as valid_from,
        next_created_date as valid_to
    from ordered
    where next_created_date is null or next_created_date > created_date

)

select * from final
