-- A row means that a month which is closed does not tie any more: to invoices, to recognised revenue or to what finance
-- reported. Nothing is published until finance has explained it; docs/finance.md says where to look.
select
    'mrr_to_invoices' as tie_out,
    month,
    gross_amount as difference,
    tolerance_amount as tolerance
from {{ ref('mrr_to_invoices') }}
where is_total and severity = 'error'

union all

select
    'mrr_to_revenue' as tie_out,
    month,
    difference_amount as difference,
    tolerance_amount as tolerance
from {{ ref('mrr_to_revenue') }}
where severity = 'error'

union all

select
    metric_key as tie_out,
    month,
    difference,
    tolerance
from {{ ref('reported_metric_differences') }}
where severity = 'error'
