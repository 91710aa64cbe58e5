with int_rejected_claims as (
    select * from {{ ref('int_rejected_claims') }}
),

int_rejected_mrr as (
    select * from {{ ref('int_rejected_mrr') }}
),

fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

claimants as (
    select distinct customer_id from int_rejected_claims
),

balances as (
    select
        month,
        account_id as customer_id,
        closing_mrr,
        cast(0 as decimal(38, 4)) as rejected_mrr
    from fct_account_months
    union all
    select
        month,
        customer_id,
        0 as closing_mrr,
        rejected_mrr
    from int_rejected_mrr
),

-- Customers whose rejected rows nobody can value, beside those that pay: unknown is not zero.
heads as (
    select
        month,
        account_id as customer_id,
        0 as is_unvalued
    from fct_account_months
    where closing_mrr > 0
    union all
    select
        dim_months.month,
        unvalued.customer_id,
        1 as is_unvalued
    from dim_months
    inner join {{ ref('int_rejected_unvalued') }} as unvalued
        on
            (unvalued.from_on is null or dim_months.period_end_on >= unvalued.from_on)
            and (unvalued.to_on is null or dim_months.period_end_on < unvalued.to_on)
),

head_counts as (
    select
        month,
        count(distinct customer_id) as customers,
        count(distinct case when is_unvalued = 1 then customer_id end) as unvalued_customers
    from heads
    group by month
),

sums as (
    select
        balances.month,
        sum(balances.closing_mrr) as closing_mrr,
        sum(balances.rejected_mrr) as rejected_mrr,
        sum(case when claimants.customer_id is not null then balances.closing_mrr + balances.rejected_mrr end)
            as mrr_at_stake,
        count(distinct claimants.customer_id) as customers_at_stake
    from balances
    left join claimants on balances.customer_id = claimants.customer_id
    where balances.closing_mrr + balances.rejected_mrr > 0
    group by balances.month
),

final as (
    select
        dim_months.month,
        cast(coalesce(sums.closing_mrr, 0) as decimal(38, 4)) as closing_mrr,
        cast(coalesce(sums.rejected_mrr, 0) as decimal(38, 4)) as rejected_mrr,
        cast(coalesce(sums.mrr_at_stake, 0) as decimal(38, 4)) as mrr_at_stake,
        cast(coalesce(sums.customers_at_stake, 0) as bigint) as customers_at_stake,
        cast(coalesce(head_counts.unvalued_customers, 0) as bigint) as unvalued_customers,
        cast(coalesce(head_counts.customers, 0) as bigint) as customers
    from dim_months
    left join sums on dim_months.month = sums.month
    left join head_counts on dim_months.month = head_counts.month
)

select * from final
