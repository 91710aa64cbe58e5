-- How many customers of each health tier were gone six months later?
-- Every month end with six later complete ones counts, so a customer counts once for each. Customers who had already
-- asked to cancel are left out: knowing that they go is no foresight.
with dim_months as (
    select * from {{ ref('dim_months') }}
),

fct_account_months as (
    select * from {{ ref('fct_account_months') }}
),

fct_health_scores as (
    select * from {{ ref('fct_health_scores') }}
),

observed as (
    select max(month) as last_month
    from dim_months
    where is_complete_month
),

outcomes as (
    select
        scores.account_id,
        scores.month,
        scores.tier,
        max(case when later.closing_mrr = 0 then 1 else 0 end) as is_lost
    from fct_health_scores as scores
    inner join observed on observed.last_month >= {{ add_months('scores.month', 6) }}
    inner join fct_account_months as later
        on
            scores.account_id = later.account_id
            and scores.month < later.month
            and {{ add_months('scores.month', 6) }} >= later.month
    where coalesce(scores.red_flag, '') <> 'cancel_requested'
    group by scores.account_id, scores.month, scores.tier
),

final as (
    select
        tier,
        cast(count(*) as bigint) as customer_months,
        cast(sum(is_lost) as bigint) as lost,
        {{ exact_ratio('sum(is_lost)', 'count(*)') }} as lost_rate
    from outcomes
    group by tier
)

select * from final
order by lost_rate desc
