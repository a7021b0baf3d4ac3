{#-
    Grain: one row per surviving lead that was target-connected without a permission
    standing.
    Judged at the lead's first target connection. Having its number is no permission; a
    revoked permission no longer stands; one that is granted then or later is a
    permission won.
-#}
with

connections as (

    select * from {{ ref('int_activities') }}
    where is_target_connected and lead_id is not null

),

permissions as (

    select * from {{ ref('int_permissions') }}

),

first_connections as (

    select
        *,
        row_number() over (
            partition by lead_id order by occurred_at, activity_id
        ) as connection_number
    from connections

),

judged as (

    select
        first_connections.lead_id,
        first_connections.channel_id,
        first_connections.rep_id,
        first_connections.team,
        first_connections.occurred_at,
        first_connections.activity_date,
        first_connections.acquired_date,
        max(
            case
                when
                    permissions.granted_at < first_connections.occurred_at
                    and (
                        permissions.revoked_at is null
                        or permissions.revoked_at > first_connections.occurred_at
                    )
                    then 1
                else 0
            end
        ) = 1 as had_permission,
        max(
            case
                when permissions.granted_at >= first_connections.occurred_at then 1
                else 0
            end
        ) = 1 as is_permission_granted
    from first_connections
    -- one-to-many
    left join permissions on first_connections.lead_id = permissions.lead_id
    where first_connections.connection_number = 1
    group by
        first_connections.lead_id,
        first_connections.channel_id,
        first_connections.rep_id,
        first_connections.team,
        first_connections.occurred_at,
        first_connections.activity_date,
        first_connections.acquired_date

),

final as (

    select
        lead_id,
        channel_id,
        rep_id,
        team,
        is_permission_granted,
        activity_date as connected_date,
        acquired_date
    from judged
    where not had_permission

)

select * from final
