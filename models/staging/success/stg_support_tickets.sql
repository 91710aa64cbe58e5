{{ config(materialized='view') }}

with base_support_tickets as (
    select * from {{ ref('base_support_tickets') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        base_support_tickets.ticket_id,
        base_support_tickets.account_id,
        base_support_tickets.severity,
        base_support_tickets.opened_at,
        base_support_tickets.first_replied_at,
        base_support_tickets.resolved_at,
        {{ local_date('base_support_tickets.opened_at', 'settings.time_zone') }} as opened_on,
        {{ local_date('base_support_tickets.resolved_at', 'settings.time_zone') }} as resolved_on
    from base_support_tickets
    cross join stg_run_settings as settings
    where base_support_tickets.rejection_rule is null
)

select * from final
