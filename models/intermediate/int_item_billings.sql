with int_invoice_line_months as (
    select * from {{ ref('int_invoice_line_months') }}
),

tolerances as (
    select max(tolerances.absolute_tolerance) as rounding
    from {{ ref('tie_out_tolerances') }} as tolerances
    inner join {{ ref('stg_run_settings') }} as settings on tolerances.currency in ('any', settings.currency)
    where tolerances.tie_out = 'invoice_rounding'
),

-- What a customer holds and what it is billed for, each by itself.
sides as (
    select
        evidence.account_id,
        evidence.month,
        case when as_wholes.account_id is null then evidence.subscription_item_id else '' end as matched_item,
        case when as_wholes.account_id is null then evidence.product_family else '' end as family,
        evidence.mrr,
        evidence.limited_mrr,
        0 as billed_mrr,
        0 as invoiced_amount,
        1 as is_held,
        0 as is_billed
    from {{ ref('nrr_evidence') }} as evidence
    left join (select distinct account_id from int_invoice_line_months where matched_item = '') as as_wholes
        on evidence.account_id = as_wholes.account_id

    union all

    select
        account_id,
        month,
        matched_item,
        case when matched_item = '' then '' else product_family end as family,
        0 as mrr,
        0 as limited_mrr,
        monthly_mrr as billed_mrr,
        invoiced_amount,
        0 as is_held,
        case when is_counted then 1 else 0 end as is_billed
    from int_invoice_line_months
    where nature = 'recurring' and is_published
),

items as (
    select
        account_id,
        month,
        matched_item,
        coalesce(max(case when is_held = 1 then family end), max(family)) as family,
        cast(sum(mrr) as decimal(18, 4)) as mrr,
        cast(sum(limited_mrr) as decimal(18, 4)) as limited_mrr,
        cast(sum(mrr - limited_mrr - billed_mrr) as decimal(18, 4)) as unmatched_mrr,
        sum(invoiced_amount) as invoiced_amount,
        max(is_held) as is_held,
        max(is_billed) as is_billed
    from sides
    group by account_id, month, matched_item
),

final as (
    select
        items.*,
        -- What one item lacks another one of its family may have, as when a late renewal bills the gap before it.
        case
            when max(items.is_held) over family_months = 0
                then case when abs(sum(items.invoiced_amount) over family_months) <= tolerances.rounding
                    then 'credit_note' else 'billed_without_contract' end
            when abs(items.unmatched_mrr) <= tolerances.rounding then 'matched'
            when abs(sum(items.unmatched_mrr) over family_months) <= tolerances.rounding then 'matched'
            when items.is_billed = 0 then 'unbilled'
            when items.is_held = 0 then 'billed_without_contract'
            when items.mrr = 0 then 'timing'
            else 'unexplained'
        end as outcome
    from items
    cross join tolerances
    window family_months as (partition by items.account_id, items.month, items.family)
)

select * from final
