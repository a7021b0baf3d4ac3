{#-
    Grain: one row per accepted change of a lead.
    The only model that decides what a change is: common_object names the one that it
    feeds, fate the rule by which it feeds none; one of the two is always empty. A
    revocation is used by the permission that it ends, and so feeds none itself.
-#}
with

changes as (

    select
        *,
        {{ code_key("'lead_history.' || field") }} as field_code
    from {{ ref('base_salesforce__lead_history') }}
    where is_accepted

),

fields as (

    select * from {{ ref('history_fields') }}

),

read_changes as (

    select
        changes.*,
        fields.field_id,
        case
            when fields.field_id = 'permission'
                then
                    case lower(changes.new_value)
                        when 'true' then true
                        when '1' then true
                        when 'false' then false
                        when '0' then false
                    end
        end as is_permitted
    from changes
    -- many-to-one
    left join fields
        on changes.field_code = fields.field_code
        and {{ is_valid_on('fields', business_date('changes.created_date')) }}

),

permission_changes as (

    select
        id,
        is_permitted,
        lag(is_permitted) over (
            partition by lead_id order by created_date, id
        ) as was_permitted
    from read_changes
    where
        field_id = 'permission'
        and is_permitted is not null
        and not coalesce(is_deleted, false)

),

fates as (

    select
        read_changes.*,
        case
            when coalesce(read_changes.is_deleted, false) then 'deleted_in_source'
            when read_changes.field_id = 'status' and read_changes.new_value is null
                then 'rejected'
            when read_changes.field_id = 'status' then null
            when read_changes.field_id = 'permission'
                then
                    case
                        when read_changes.is_permitted is null then 'rejected'
                        when
                            read_changes.is_permitted
                            and coalesce(permission_changes.was_permitted, false)
                            then 'already_granted'
                        when read_changes.is_permitted then null
                        when coalesce(permission_changes.was_permitted, false)
                            then 'used'
                        else 'nothing_to_revoke'
                    end
            else 'unused_history_field'
        end as fate
    from read_changes
    -- one-to-one
    left join permission_changes on read_changes.id = permission_changes.id

),

final as (

    select
        -- ids
        id,
        lead_id,
        created_by_id,

        -- texts
        source_system,
        source_object,
        source_file,
        fate,
        case
            when fate is not null then null
            when field_id = 'status' then 'lead_status_history'
            else 'permissions'
        end as common_object,
        field_id,
        new_value,
        case
            when fate = 'rejected' and new_value is null then 'missing_required_value'
            when fate = 'rejected' then 'unreadable_required_value'
        end as reject_rule,

        -- numerics
        source_row,

        -- booleans
        is_permitted,

        -- dates
        created_date
    from fates

)

select * from final
