{#-
    Grain: one row per lead record, merged, converted and deleted ones included.
    The hand-over to field sales is the first entry into a status of that meaning; a lead
    without such an entry, which was converted into that status, was handed over on the
    day of its conversion.
-#}
with

leads as (

    select * from {{ ref('base_salesforce__lead') }} where is_accepted

),

status_entries as (

    select * from {{ ref('base_salesforce__lead_history_fates') }}
    where common_object = 'lead_status_history'

),

handed_over_statuses as (

    select * from {{ ref('lead_statuses') }} where status_id = 'handed_over'

),

first_hand_overs as (

    select
        status_entries.lead_id,
        min(status_entries.created_date) as handed_over_at
    from status_entries
    -- many-to-one
    inner join handed_over_statuses as statuses
        on {{ code_key('status_entries.new_value') }} = statuses.status_code
        and {{ is_valid_on('statuses', business_date('status_entries.created_date')) }}
    group by status_entries.lead_id

),

final as (

    select
        -- ids
        leads.id as lead_id,
        leads.owner_id,
        leads.converted_account_id as account_id,
        leads.master_record_id as merged_into_id,
        -- the history says when, and nowhere to whom
        cast(null as {{ dbt.type_string() }}) as handed_over_to_id,

        -- texts
        leads.lead_source as source,
        leads.latest_source,
        leads.status,
        leads.company,
        leads.company_key,
        leads.industry,
        leads.title,
        leads.email,
        leads.phone,
        leads.mobile_phone,
        leads.source_system,
        leads.source_object,
        leads.source_file,

        -- numerics
        leads.number_of_employees as employees,
        leads.source_row,

        -- booleans
        leads.is_target,
        leads.is_deleted,

        -- dates
        leads.created_date as created_at,
        coalesce(
            first_hand_overs.handed_over_at,
            case
                when leads.is_converted and statuses.status_code is not null
                    then {{ business_day_start('leads.converted_date') }}
            end
        ) as handed_over_at,
        coalesce(leads.last_modified_date, leads.system_modstamp) as updated_at
    from leads
    -- one-to-one
    left join first_hand_overs on leads.id = first_hand_overs.lead_id
    -- many-to-one
    left join handed_over_statuses as statuses
        on {{ code_key('leads.status') }} = statuses.status_code
        and {{ is_valid_on('statuses', 'leads.converted_date') }}

)

select * from final
