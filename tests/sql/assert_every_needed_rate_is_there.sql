-- A row means that customers held an item in a currency without a rate on or before that month's end: what they paid
-- is missing from MRR (plan) or from MRR as reported (month_end, which may be missing altogether, but not in part).
-- Whoever brings exchange_rates adds the rate named here.
with int_item_months as (
    select * from {{ ref('int_item_months') }}
    where list_numerator > discount_numerator and not is_paused
)

select distinct
    currency,
    month,
    'plan' as rate_type
from int_item_months
where mrr is null

union all

select distinct
    currency,
    month,
    'month_end' as rate_type
from int_item_months
where month_end_mrr is null and month >= (select min(month) from {{ ref('int_as_reported_account_months') }})
