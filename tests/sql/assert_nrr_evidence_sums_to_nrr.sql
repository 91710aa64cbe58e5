-- A row means that the item versions published as evidence do not sum to a customer's part of NRR: a reader who follows
-- the figure down would not arrive. A developer of the evidence acts.
with windows as (
    select * from {{ ref('fct_retention_account_months') }}
    where window_months = 12
),

evidence as (
    select
        account_id,
        month,
        sum(mrr) as closing_mrr,
        sum(mrr_at_next_years_rate) as opening_mrr
    from {{ ref('nrr_evidence') }}
    group by account_id, month
)

select
    windows.account_id,
    windows.month,
    windows.opening_mrr,
    openings.opening_mrr as opening_evidence,
    windows.closing_mrr,
    closings.closing_mrr as closing_evidence
from windows
left join evidence as openings
    on windows.account_id = openings.account_id and openings.month = {{ add_months('windows.month', -12) }}
left join evidence as closings on windows.account_id = closings.account_id and windows.month = closings.month
where
    windows.opening_mrr <> coalesce(openings.opening_mrr, 0)
    or windows.closing_mrr <> coalesce(closings.closing_mrr, 0)
