with closed_account_months as (
    select * from {{ source('state', 'closed_account_months') }}
),

fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

final as (
    select
        closed.account_id,
        closed.month,
        closed.plan_tier,
        closed.size_band,
        closed.industry,
        closed.country,
        closed.opening_mrr,
        closed.closing_mrr,
        closed.cohort_opening_mrr,
        closed.cohort_closing_mrr,
        cast(coalesce(live.closing_mrr, 0) as decimal(18, 4)) as live_closing_mrr,
        closed.plan_rates,
        closed.member_accounts,
        closed.policy_version,
        closed.entry_number,
        closed.line_number,
        closed.row_hash
    from closed_account_months as closed
    left join fct_account_months as live on closed.account_id = live.account_id and closed.month = live.month
)

select * from final
