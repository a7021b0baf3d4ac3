{#-
    Grain: one row per e-mail address that exactly one user has.
    A dialer that does not know the CRM's ids names its user by address.
-#}
with

users as (

    select * from {{ ref('int_unioned_users') }} where email is not null

),

final as (

    select
        lower(email) as email,
        min(user_id) as rep_id
    from users
    group by lower(email)
    having count(distinct user_id) = 1

)

select * from final
