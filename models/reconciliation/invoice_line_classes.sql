with int_invoice_line_months as (
    select * from {{ ref('int_invoice_line_months') }}
),

int_item_billings as (
    select * from {{ ref('int_item_billings') }}
),

judged as (
    select
        lines.*,
        case
            when lines.nature <> 'recurring' then lines.nature
            when billings.outcome in ('unbilled', 'matched') or billings.outcome is null then 'matched'
            else billings.outcome
        end as outcome
    from int_invoice_line_months as lines
    left join int_item_billings as billings
        on
            lines.account_id = billings.account_id
            and lines.month = billings.month
            and lines.matched_item = billings.matched_item
),

-- Only what is held, or makes up for what is held, counts as MRR that is billed.
counted as (
    select
        judged.*,
        case when outcome in ('matched', 'unexplained') then monthly_mrr else 0 end as billed_mrr,
        case when outcome in ('matched', 'unexplained') then monthly_amount else 0 end as billed_amount
    from judged
),

final as (
    select
        invoice_line_id,
        month,
        account_id,
        invoice_id,
        subscription_item_id,
        case
            when outcome <> 'matched' then outcome
            when is_proration then 'proration'
            when billed_amount = invoiced_amount then 'matched'
            else 'timing'
        end as class,
        currency,
        native_amount,
        invoiced_amount,
        cast(billed_mrr as decimal(18, 4)) as billed_mrr,
        cast(billed_mrr - billed_amount as decimal(18, 4)) as fx_amount,
        cast(billed_amount - invoiced_amount as decimal(18, 4)) as shift_amount,
        is_published
    from counted
)

select * from final
