-- Why is NRR of one month another than NRR of the month before, or of any other month?
-- A customer's part of NRR is what it gained or lost in the window / what the window's cohort paid at its start; NRR is
-- 1 and these parts. nrr_change sums over all customers to the difference of the two published figures, to the last
-- digit: what rounding leaves goes to the next customer in line. A customer of only one of the two cohorts counts with
-- 0 in the other. Base effect: it pays the same in both months, and is held against what it paid one month later.
with fct_retention_account_months as (
    select * from {{ ref('fct_retention_account_months') }}
    where window_months = 12
),

dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

-- Put other dates here: first of the month, the earlier one first.
asked as (
    select
        {{ add_months('max(month)', -1) }} as month_before,
        max(month) as month_now
    from {{ ref('dim_months') }}
    where is_complete_month
),

windows as (
    select
        retained.account_id,
        retained.opening_mrr,
        retained.closing_mrr,
        retained.month = asked.month_now as is_now,
        sum(retained.opening_mrr) over (partition by retained.month) as cohort_mrr,
        sum(retained.closing_mrr - retained.opening_mrr) over (
            partition by retained.month order by retained.account_id rows unbounded preceding
        ) as change_so_far,
        retained.closing_mrr - retained.opening_mrr as change_mrr
    from fct_retention_account_months as retained
    inner join asked on retained.month = asked.month_before or retained.month = asked.month_now
    -- Without a cohort in the earlier month there is no NRR of it, and nothing that could have moved.
    where asked.month_before in (select earlier.month from fct_retention_account_months as earlier)
),

parts as (
    select
        windows.*,
        {{ exact_ratio('change_so_far', 'cohort_mrr') }}
        - {{ exact_ratio('change_so_far - change_mrr', 'cohort_mrr') }} as nrr_part
    from windows
),

customers as (
    select
        account_id,
        sum(case when not is_now then opening_mrr end) as opening_mrr_before,
        sum(case when not is_now then closing_mrr end) as closing_mrr_before,
        sum(case when is_now then opening_mrr end) as opening_mrr_now,
        sum(case when is_now then closing_mrr end) as closing_mrr_now,
        sum(case when is_now then nrr_part else -nrr_part end) as nrr_change
    from parts
    group by account_id
),

final as (
    select
        customers.account_id,
        dim_accounts.account_name,
        case
            when customers.closing_mrr_before is null then 'entered the cohort'
            when customers.closing_mrr_now is null then 'left the cohort'
            when customers.closing_mrr_before = 0 and customers.closing_mrr_now > 0 then 'came back'
            when customers.closing_mrr_before > 0 and customers.closing_mrr_now = 0 then 'churned'
            when customers.closing_mrr_now > customers.closing_mrr_before then 'expanded'
            when customers.closing_mrr_now < customers.closing_mrr_before then 'contracted'
            else 'base effect'
        end as what_happened,
        customers.opening_mrr_before,
        customers.closing_mrr_before,
        customers.opening_mrr_now,
        customers.closing_mrr_now,
        cast(customers.nrr_change as decimal(38, 10)) as nrr_change
    from customers
    inner join dim_accounts on customers.account_id = dim_accounts.account_id
    where customers.nrr_change <> 0
)

select * from final
order by abs(nrr_change) desc, account_id asc
