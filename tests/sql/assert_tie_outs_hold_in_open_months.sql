-- A row means that a month which is not closed does not tie: to invoices, to recognised revenue or to what finance
-- reported. Finance finds out why before the month is closed; docs/finance.md says where to look.
{{ config(severity='warn') }}

select
    'mrr_to_invoices' as tie_out,
    month,
    gross_amount as difference,
    tolerance_amount as tolerance
from {{ ref('mrr_to_invoices') }}
where is_total and severity = 'warn'

union all

select
    'mrr_to_revenue' as tie_out,
    month,
    difference_amount as difference,
    tolerance_amount as tolerance
from {{ ref('mrr_to_revenue') }}
where severity = 'warn'

union all

select
    metric_key as tie_out,
    month,
    difference,
    tolerance
from {{ ref('reported_metric_differences') }}
where severity = 'warn'
