with as_wholes as (
    select distinct account_id from {{ ref('int_invoice_line_months') }}
    where matched_item = ''
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
        0 as credited_mrr,
        0 as invoiced_amount,
        1 as is_held,
        0 as is_billed
    from {{ ref('nrr_evidence') }} as evidence
    left join as_wholes on evidence.account_id = as_wholes.account_id

    union all

    select
        account_id,
        month,
        matched_item,
        case when matched_item = '' then '' else product_family end as family,
        0 as mrr,
        0 as limited_mrr,
        monthly_mrr as billed_mrr,
        case when is_credit then -monthly_mrr else 0 end as credited_mrr,
        invoiced_amount,
        0 as is_held,
        case when is_counted then 1 else 0 end as is_billed
    from {{ ref('int_invoice_line_months') }}
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
        cast(
            least(greatest(sum(mrr - limited_mrr - billed_mrr), 0), greatest(sum(credited_mrr), 0)) as decimal(18, 4)
        ) as credited_mrr,
        sum(invoiced_amount) as invoiced_amount,
        max(is_held) as is_held,
        max(is_billed) as is_billed,
        max(is_billed) = 0 or sum(mrr) = 0 as is_one_sided
    from sides
    group by account_id, month, matched_item
),

final as (
    select
        items.account_id,
        items.month,
        items.matched_item,
        items.family,
        items.mrr,
        items.limited_mrr,
        items.unmatched_mrr,
        items.credited_mrr,
        -- An item held and another one of its family billed may match, as when a late renewal bills the gap.
        case
            when
                max(items.is_held) over family_months = 0
                and abs(sum(items.invoiced_amount) over family_months) <= bounds.absolute_tolerance then 'credit_note'
            when max(items.is_held) over family_months = 0 then 'billed_without_contract'
            when abs(items.unmatched_mrr) <= bounds.absolute_tolerance then 'matched'
            when
                items.is_one_sided and abs(
                    sum(case when items.is_one_sided then items.unmatched_mrr else 0 end) over family_months
                ) <= bounds.absolute_tolerance then 'matched'
            when items.is_billed = 0 then 'unbilled'
            when items.is_held = 0 then 'billed_without_contract'
            when items.mrr = 0 then 'timing'
            else 'unexplained'
        end as outcome
    from items
    cross join ({{ tie_out_bounds('invoice_rounding') }}) as bounds  -- noqa: ST05
    window family_months as (partition by items.account_id, items.month, items.family)
)

select * from final
