-- A row means that the walk from a customer's invoices of a month to its MRR has a gap, so that no class of it can be
-- trusted, or that it does not end at the MRR that is published. A developer of the tie-outs acts.
select
    month,
    account_id,
    sum(case when class = 'mrr' then -amount else amount end) as gap_amount
from {{ ref('mrr_to_invoices') }}
group by month, is_total, account_id
having sum(case when class = 'mrr' then -amount else amount end) <> 0

union all

select
    walks.month,
    'mrr' as account_id,
    walks.amount - metrics.numerator as gap_amount
from {{ ref('mrr_to_invoices') }} as walks
inner join {{ ref('metric_mrr') }} as metrics on walks.month = metrics.month and metrics.segment_type = 'total'
where walks.is_total and walks.class = 'mrr' and walks.amount <> metrics.numerator
