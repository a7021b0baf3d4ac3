{#-
    Grain: one row per object and file of the extracts and fate of its rows. Nothing is
    lost: the rows of a file add up to the records that were read from it.
-#}
with

account as (

    select * from {{ ref('int_row_accounting') }}

),

fates as (

    select * from {{ ref('row_fates') }}

),

final as (

    select
        -- texts
        account.source_system,
        account.object,
        account.file,
        account.fate,
        -- what a system leaves out by a rule of its own
        coalesce(fates.outcome, 'excluded') as outcome,
        coalesce(fates.name_ja, account.fate) as name_ja,
        coalesce(fates.name_en, account.fate) as name_en,

        -- numerics
        account.row_count
    from account
    -- many-to-one
    left join fates on account.fate = fates.fate

)

select * from final
