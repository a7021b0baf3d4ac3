{#-
    Grain: one row per message and recipient; its events folded.
    An open counts within the open window after the send, both ends in, and only on a
    delivered message. A bounce wins over a delivery: the receipt was taken back.
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

messages_to_many as (

    select message_id from emails group by message_id having count(*) > 1

),

numbered_recipients as (

    select
        emails.message_id,
        emails.source_file,
        emails.source_row,
        -- stands for the address, which no later model sees
        row_number() over (
            partition by emails.message_id order by lower(emails.recipient)
        ) as recipient_number
    from emails
    inner join messages_to_many on emails.message_id = messages_to_many.message_id

),

sent as (

    select
        emails.message_id,
        emails.lead_id as source_lead_id,
        emails.rep_id,
        emails.sent_at,
        {{ dbt.dateadd('day', 'agreements.open_window_days', 'emails.sent_at') }}
            as opens_until,
        emails.source_system,
        emails.source_object,
        emails.source_file,
        lower(emails.recipient) as recipient,
        {{ code_key('emails.kind') }} as kind,
        coalesce(numbered_recipients.recipient_number, 1) as recipient_number,
        numbered_recipients.recipient_number is null as is_only_recipient
    from emails
    -- one-to-one
    left join numbered_recipients
        on emails.message_id = numbered_recipients.message_id
        and emails.source_row = numbered_recipients.source_row
        and emails.source_file = numbered_recipients.source_file
    -- many-to-one: the window agreed on the day of the send
    left join agreements
        on {{ business_date('emails.sent_at') }} = agreements.date_day

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
