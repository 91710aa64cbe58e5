-- Customers with a rejected account, subscription or item version hold so much MRR, or are so many of whom nobody can
-- say what they hold, that their loss would pass for churn. Whoever delivers the billing tables acts;
-- KEIZOKU_ACCEPT_REJECTS=1 publishes all the same.

with mrr_at_stake as (
    select * from {{ ref('mrr_at_stake') }}
),

reject_limits as (
    select * from {{ ref('reject_limits') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

exceeded as (
    select
        mrr_at_stake.month,
        mrr_at_stake.mrr_at_stake,
        {{ exact_ratio('mrr_at_stake.mrr_at_stake', 'mrr_at_stake.closing_mrr + mrr_at_stake.rejected_mrr') }} as share,
        mrr_at_stake.rejected_mrr,
        mrr_at_stake.customers_at_stake,
        mrr_at_stake.unvalued_customers,
        mrr_at_stake.customers
    from mrr_at_stake
    cross join settings
    inner join reject_limits on reject_limits.table_name = '*'
    where
        not settings.accept_rejects
        and (
            mrr_at_stake.mrr_at_stake
            > reject_limits.max_mrr_share * (mrr_at_stake.closing_mrr + mrr_at_stake.rejected_mrr)
            or mrr_at_stake.unvalued_customers > reject_limits.max_mrr_share * mrr_at_stake.customers
        )
)

select
    exceeded.month,
    exceeded.mrr_at_stake,
    cast(exceeded.share as decimal(18, 4)) as share_of_mrr,
    exceeded.rejected_mrr as of_it_not_counted,
    exceeded.customers_at_stake,
    exceeded.unvalued_customers,
    exceeded.customers
from exceeded
order by exceeded.share desc, exceeded.month desc
