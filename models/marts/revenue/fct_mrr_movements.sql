with int_change_reasons as (
    select * from {{ ref('int_change_reasons') }}
),

fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

reasons as (
    select listed.reason
    from (
        values ('price'), ('tier'), ('seat'), ('discount'), ('cross_sell'), ('pause')
    ) as listed (reason)
),

reason_amounts as (
    select
        changes.account_id,
        changes.month,
        reasons.reason,
        sum(
            case
                when changes.whole_reason = reasons.reason then changes.change_mrr
                when changes.whole_reason is not null then 0
                when changes.unit_price_reason = reasons.reason then changes.unit_price_mrr
                when reasons.reason = 'seat' then changes.seat_mrr
                when reasons.reason = 'discount' then changes.discount_mrr
                else 0
            end
        ) as amount_mrr
    from int_change_reasons as changes
    cross join reasons
    group by changes.account_id, changes.month, reasons.reason
),

movements as (
    select
        reason_amounts.account_id,
        fct_account_months.movement_type,
        reason_amounts.reason,
        reason_amounts.amount_mrr,
        reason_amounts.month
    from reason_amounts
    inner join fct_account_months
        on
            reason_amounts.account_id = fct_account_months.account_id
            and reason_amounts.month = fct_account_months.month

    union all

    select
        account_id,
        movement_type,
        cast(null as {{ dbt.type_string() }}) as reason,
        new_mrr + reactivation_mrr - churned_mrr as amount_mrr,
        month
    from fct_account_months
    where movement_type in ('new', 'reactivation', 'churn')

    union all

    select
        account_id,
        'fx' as movement_type,
        cast(null as {{ dbt.type_string() }}) as reason,
        fx_mrr as amount_mrr,
        month
    from fct_account_months
),

final as (
    select
        account_id,
        month,
        movement_type,
        reason,
        cast(amount_mrr as decimal(18, 4)) as amount_mrr
    from movements
    where amount_mrr <> 0
)

select * from final
