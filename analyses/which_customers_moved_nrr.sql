-- Which customers moved NRR most in the latest complete month, and how?
-- NRR less 1 is what the cohort gained or lost in 12 months, divided by what it paid then. nrr_change is a customer's
-- part of it now less its part a month before; over all customers it sums to the difference of the published figures.
with dim_months as (
    select * from {{ ref('dim_months') }}
),

dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

fct_retention_account_months as (
    select * from {{ ref('fct_retention_account_months') }}
),

-- Put a date here to ask about another month.
asked as (
    select max(month) as month
    from dim_months
    where is_complete_month
),

windows as (
    select
        account_id,
        month,
        closing_mrr,
        closing_mrr - opening_mrr as change_mrr,
        sum(opening_mrr) over (partition by month) as cohort_mrr
    from fct_retention_account_months
    where window_months = 12
),

parts as (
    select
        windows.account_id,
        windows.closing_mrr,
        {{ exact_ratio('windows.change_mrr', 'windows.cohort_mrr') }} as nrr_part,
        case when windows.month = asked.month then 1 else 0 end as is_now
    from windows
    inner join asked
        on
            windows.month >= {{ add_months('asked.month', -1) }}
            and windows.month <= asked.month
),

customers as (
    select
        account_id,
        cast(sum(closing_mrr * (1 - is_now)) as decimal(18, 4)) as mrr_before,
        cast(sum(closing_mrr * is_now) as decimal(18, 4)) as mrr_now,
        sum(case when is_now = 1 then nrr_part else -nrr_part end) as nrr_change,
        min(is_now) as is_only_now,
        1 - max(is_now) as is_only_before
    from parts
    group by account_id
),

final as (
    select
        customers.account_id,
        dim_accounts.account_name,
        case
            when customers.is_only_now = 1 then 'entered the window'
            when customers.is_only_before = 1 then 'left the window'
            when customers.mrr_before = 0 and customers.mrr_now > 0 then 'came back'
            when customers.mrr_before > 0 and customers.mrr_now = 0 then 'churned'
            when customers.mrr_now > customers.mrr_before then 'expanded'
            when customers.mrr_now < customers.mrr_before then 'contracted'
            else 'compared with a later month'
        end as what_happened,
        customers.mrr_before,
        customers.mrr_now,
        customers.nrr_change
    from customers
    inner join dim_accounts on customers.account_id = dim_accounts.account_id
    where customers.nrr_change <> 0
)

select * from final
order by abs(nrr_change) desc, account_id asc
