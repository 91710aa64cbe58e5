{{ config(materialized='view') }}

with base_invoice_lines as (
    select * from {{ ref('base_invoice_lines') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        base_invoice_lines.invoice_line_id,
        base_invoice_lines.invoice_id,
        base_invoice_lines.account_id,
        base_invoice_lines.subscription_item_id,
        base_invoice_lines.currency,
        base_invoice_lines.status,
        base_invoice_lines.credit_note_of,
        base_invoice_lines.amount_ex_tax,
        base_invoice_lines.is_recurring,
        base_invoice_lines.is_proration,
        base_invoice_lines.issued_at,
        base_invoice_lines.due_at,
        base_invoice_lines.paid_at,
        base_invoice_lines.service_from,
        base_invoice_lines.service_to,
        {{ local_date('base_invoice_lines.issued_at', 'settings.time_zone') }} as issued_on,
        {{ local_date('base_invoice_lines.due_at', 'settings.time_zone') }} as due_on,
        {{ local_date('base_invoice_lines.paid_at', 'settings.time_zone') }} as paid_on
    from base_invoice_lines
    cross join stg_run_settings as settings
    where base_invoice_lines.rejection_rule is null
)

select * from final
