{#-
    Grain: one row per message and recipient; its events folded.
    An open counts within the open window after the send, both ends in, and only on a
    delivered message. A bounce wins over a delivery: the receipt was taken back.
    A mail that the mail tool and the CRM have logged is one: the tool's time wins; the
    CRM's lead, rep and kind win. A mail without a lead finds it by its address.
-#}
{#-
    Three equi-joins: one join with an `or` would pair every event of a mailing with
    every recipient.
-#}
{%- set matches = [
    'lower(events.recipient) = sent.recipient',
    'sent.is_only_recipient and events.recipient is null',
    'sent.is_only_recipient and sent.recipient is null '
    ~ 'and events.recipient is not null',
] -%}
with

emails as (

    select * from {{ ref('int_unioned_emails') }}

),

events as (

    select * from {{ ref('int_unioned_email_events') }}
    where {{ business_date('occurred_at') }} <= {{ as_of_date() }}

),

lead_emails as (

    select * from {{ ref('int_lead_emails') }}

),

agreements as (

    select * from {{ ref('int_agreements') }}

),

machine_patterns as (

    select * from {{ ref('machine_user_agents') }}

),

-- the pattern list is only asked about agents whose tool does not say itself
agents as (

    select distinct user_agent from events
    where is_machine is null and user_agent is not null

),

machine_agents as (

    select agents.user_agent
    from agents
    inner join machine_patterns
        on (
            machine_patterns.match_kind = 'exact'
            and lower(agents.user_agent) = machine_patterns.pattern
        )
        or (
            machine_patterns.match_kind = 'contains'
            and {{ dbt.position(
                'machine_patterns.pattern', 'lower(agents.user_agent)'
            ) }} > 0
        )
    group by agents.user_agent

),

repeated_messages as (

    select message_id from emails group by message_id having count(*) > 1

),

ranked_rows as (

    select
        emails.*,
        lower(emails.recipient) as address,
        row_number() over (
            partition by emails.message_id
            order by
                lower(emails.recipient) nulls last,
                case emails.logged_by when 'crm' then 1 else 0 end,
                emails.sent_at,
                emails.source_row
        ) as row_in_message,
        lag(lower(emails.recipient)) over (
            partition by emails.message_id
            order by
                lower(emails.recipient) nulls last,
                case emails.logged_by when 'crm' then 1 else 0 end,
                emails.sent_at,
                emails.source_row
        ) as previous_address
    from emails
    inner join repeated_messages on emails.message_id = repeated_messages.message_id

),

message_recipients as (

    select
        message_id,
        count(
            case when previous_address is distinct from address then address end
        ) as recipients,
        -- stands for the address, where there is but one
        min(address) as one_address,
        -- a message has one sender, whoever gets a copy of it
        case when count(distinct rep_id) = 1 then min(rep_id) end as sender_id,
        max(case when logged_by = 'tool' then 1 else 0 end) = 1 as has_tool_record
    from ranked_rows
    group by message_id

),

-- a row that names nobody is about the message's only recipient
named_rows as (

    select
        ranked_rows.*,
        message_recipients.recipients,
        message_recipients.sender_id,
        case
            when message_recipients.recipients = 1 then message_recipients.one_address
            else ranked_rows.address
        end as known_address,
        coalesce(
            case
                when message_recipients.recipients = 1
                    then ranked_rows.row_in_message > 1
                -- the tool knows all recipients; a record without one adds none
                when
                    message_recipients.has_tool_record
                    and ranked_rows.logged_by = 'crm'
                    and ranked_rows.address is null
                    then true
                else
                    ranked_rows.row_in_message > 1
                    and ranked_rows.previous_address
                    is not distinct from ranked_rows.address
            end, false
        ) as is_copy
    from ranked_rows
    -- many-to-one
    inner join message_recipients
        on ranked_rows.message_id = message_recipients.message_id

),

-- without copies, as with one system, there is nothing to fold
copied as (

    select
        message_id,
        known_address
    from named_rows
    where is_copy
    group by message_id, known_address

),

crm_notes as (

    select
        named_rows.message_id,
        named_rows.known_address,
        min(case when named_rows.logged_by = 'crm' then named_rows.lead_id end)
            as lead_id,
        min(case when named_rows.logged_by = 'crm' then named_rows.rep_id end)
            as rep_id,
        min(case when named_rows.logged_by = 'crm' then named_rows.kind end) as kind,
        min(named_rows.lead_id) as any_lead_id,
        min(named_rows.rep_id) as any_rep_id
    from named_rows
    inner join copied
        on named_rows.message_id = copied.message_id
        and named_rows.known_address is not distinct from copied.known_address
    group by named_rows.message_id, named_rows.known_address

),

mails as (

    select
        emails.message_id,
        emails.lead_id as stated_lead_id,
        emails.rep_id,
        emails.kind,
        'id' as stated_by,
        emails.sent_at,
        emails.source_system,
        emails.source_object,
        emails.source_file,
        lower(emails.recipient) as recipient,
        1 as recipient_number,
        true as is_only_recipient
    from emails
    left join repeated_messages on emails.message_id = repeated_messages.message_id
    where repeated_messages.message_id is null

    union all

    select
        named_rows.message_id,
        coalesce(crm_notes.lead_id, named_rows.lead_id, crm_notes.any_lead_id)
            as stated_lead_id,
        coalesce(
            crm_notes.rep_id,
            named_rows.rep_id,
            crm_notes.any_rep_id,
            named_rows.sender_id
        ) as rep_id,
        coalesce(crm_notes.kind, named_rows.kind) as kind,
        case
            when
                crm_notes.lead_id is not null
                and coalesce(named_rows.lead_id <> crm_notes.lead_id, true)
                then 'crm_record'
            else 'id'
        end as stated_by,
        named_rows.sent_at,
        named_rows.source_system,
        named_rows.source_object,
        named_rows.source_file,
        named_rows.known_address as recipient,
        -- stands for the address, which no later model sees
        named_rows.row_in_message as recipient_number,
        named_rows.recipients <= 1 as is_only_recipient
    from named_rows
    -- many-to-one
    left join crm_notes
        on named_rows.message_id = crm_notes.message_id
        and named_rows.known_address is not distinct from crm_notes.known_address
    where not named_rows.is_copy

),

sent as (

    select
        mails.message_id,
        coalesce(mails.stated_lead_id, lead_emails.lead_key) as source_lead_id,
        case
            when mails.stated_lead_id is not null then mails.stated_by
            when lead_emails.lead_key is not null then 'email'
        end as lead_match_method,
        mails.rep_id,
        mails.sent_at,
        {{ dbt.dateadd('day', 'agreements.open_window_days', 'mails.sent_at') }}
            as opens_until,
        mails.source_system,
        mails.source_object,
        mails.source_file,
        mails.recipient,
        {{ code_key('mails.kind') }} as kind,
        mails.recipient_number,
        mails.is_only_recipient
    from mails
    -- many-to-one
    left join lead_emails
        on case when mails.stated_lead_id is null then mails.recipient end
        = lead_emails.email
    -- many-to-one: the window agreed on the day of the send
    left join agreements
        on {{ business_date('mails.sent_at') }} = agreements.date_day

),

-- by message and address; what one side leaves empty is the only recipient's
addressed_events as (

    {% for match in matches %}
    select
        sent.message_id,
        sent.recipient_number,
        sent.sent_at,
        sent.opens_until,
        events.event,
        events.user_agent,
        events.is_machine,
        events.information_exchanged,
        events.occurred_at
    from events
    -- many-to-one
    inner join sent
        on events.message_id = sent.message_id
        and {{ match }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

matched_events as (

    select
        addressed_events.message_id,
        addressed_events.recipient_number,
        {{ code_key('addressed_events.event') }} as event,
        coalesce(
            addressed_events.is_machine, machine_agents.user_agent is not null
        ) as is_machine,
        coalesce(addressed_events.information_exchanged, false)
            as information_exchanged,
        addressed_events.occurred_at >= addressed_events.sent_at
        and addressed_events.occurred_at <= addressed_events.opens_until
            as is_in_open_window
    from addressed_events
    left join machine_agents
        on addressed_events.user_agent = machine_agents.user_agent

),

folded as (

    select
        message_id,
        recipient_number,
        max(case when event = 'bounce' then 1 else 0 end) as bounced,
        max(case when event = 'open' and is_in_open_window then 1 else 0 end) as opened,
        max(
            case
                when event = 'open' and is_in_open_window and not is_machine then 1
                else 0
            end
        ) as opened_by_person,
        max(case when event = 'open' then 1 else 0 end) as ever_opened,
        max(case when event = 'click' and not is_machine then 1 else 0 end) as clicked,
        max(case when event = 'reply' then 1 else 0 end) as replied,
        max(
            case when information_exchanged and event <> 'auto_reply' then 1 else 0 end
        ) as informed
    from matched_events
    group by message_id, recipient_number

),

final as (

    select
        -- ids
        sent.message_id,
        case
            when sent.is_only_recipient then sent.message_id
            else
                sent.message_id
                || '#'
                || cast(sent.recipient_number as {{ dbt.type_string() }})
        end as source_id,
        sent.source_lead_id,
        sent.rep_id,

        -- texts
        sent.lead_match_method,
        case
            when sent.kind in ('one_to_one', 'bulk', 'auto_reply') then sent.kind
            else 'unmapped'
        end as kind,
        sent.source_system,
        sent.source_object,
        sent.source_file,
        case
            when sent.kind = 'auto_reply' then 'auto_reply'
            when {{ business_date('sent.sent_at') }} > {{ as_of_date() }}
                then 'after_as_of_date'
        end as exclusion_rule,

        -- booleans
        coalesce(folded.bounced, 0) = 1 as is_bounced,
        coalesce(folded.bounced, 0) = 0 as is_delivered,
        coalesce(folded.bounced, 0) = 0 and coalesce(folded.opened, 0) = 1 as is_opened,
        coalesce(folded.bounced, 0) = 0
        and coalesce(folded.opened, 0) = 1
        and coalesce(folded.opened_by_person, 0) = 0
            as is_machine_opened,
        coalesce(folded.bounced, 0) = 0 and coalesce(folded.clicked, 0) = 1
            as is_clicked,
        coalesce(folded.bounced, 0) = 0 and coalesce(folded.replied, 0) = 1
            as is_replied,
        coalesce(folded.informed, 0) = 1 as information_exchanged,
        coalesce(folded.bounced, 0) = 1 and coalesce(folded.ever_opened, 0) = 1
            as is_bounced_and_opened,

        -- dates
        sent.sent_at,
        {{ business_date('sent.sent_at') }} as sent_date
    from sent
    -- one-to-one
    left join folded
        on sent.message_id = folded.message_id
        and sent.recipient_number = folded.recipient_number

)

select * from final
