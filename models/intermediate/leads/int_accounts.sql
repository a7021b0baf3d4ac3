{#-
    Grain: one row per account id of the extracts, merged and deleted ones included.
    Says which account an id means today: the survivor of its merges, or none if that one
    is deleted.
-#}
with

accounts as (

    select * from {{ ref('int_unioned_accounts') }}

),

chains as (

    {{ resolve_chain('accounts', 'account_id', 'merged_into_id') }}

),

final as (

    select
        -- ids
        accounts.account_id as source_account_id,
        survivors.account_id,

        -- texts
        accounts.company_key,
        accounts.phone
    from accounts
    -- one-to-one
    left join chains on accounts.account_id = chains.id
    -- many-to-one; a survivor that is deleted, or in no extract, is none
    left join accounts as survivors
        on coalesce(chains.root_id, accounts.account_id) = survivors.account_id
        and not coalesce(chains.is_cycle, false)
        and not coalesce(survivors.is_deleted, false)

)

select * from final
