-- Which customers at risk pay the most, and why are they at risk?
-- The tier is the published one, red flags included. Score and MRR are those of the latest month, complete or not.
with dim_months as (
    select * from {{ ref('dim_months') }}
),

dim_accounts as (
    select * from {{ ref('dim_accounts') }}
),

dim_account_months as (
    select * from {{ ref('dim_account_months') }}
),

fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

fct_health_scores as (
    select * from {{ ref('fct_health_scores') }}
),

latest as (
    select max(month) as month
    from dim_months
),

final as (
    select
        scores.account_id,
        dim_accounts.account_name,
        dim_account_months.touch_model,
        before.tier as tier_three_months_ago,
        scores.red_flag,
        scores.drivers_en,
        scores.drivers_ja,
        scores.score,
        before.score as score_three_months_ago,
        scores.coverage,
        fct_account_months.closing_mrr as mrr
    from fct_health_scores as scores
    inner join latest on scores.month = latest.month
    inner join dim_accounts on scores.account_id = dim_accounts.account_id
    inner join dim_account_months
        on
            scores.account_id = dim_account_months.account_id
            and scores.month = dim_account_months.month
    inner join fct_account_months
        on
            scores.account_id = fct_account_months.account_id
            and scores.month = fct_account_months.month
    left join fct_health_scores as before
        on
            scores.account_id = before.account_id
            and before.month = {{ add_months('scores.month', -3) }}
    where scores.tier = 'at_risk'
)

select * from final
order by mrr desc, account_id asc
