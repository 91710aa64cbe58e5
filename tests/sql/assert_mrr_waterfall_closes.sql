-- A row means that a month's movements do not lead from its opening to its closing, or that its opening is not the
-- closing of the month before (for a segment: plus what customers who changed segment brought along).
-- No figure built on MRR can be trusted then: a developer of the ledger acts.
{% set amounts = [
    'segment_transfer_mrr', 'opening_mrr', 'new_mrr', 'reactivation_mrr', 'expansion_mrr', 'contraction_mrr', 'churned_mrr',
] | join(', ') %}

with waterfall as (
    select 'plan rates' as basis, month, segment_type, segment_value, {{ amounts }}, fx_mrr, closing_mrr
    from {{ ref('mrr_waterfall') }}

    union all

    select 'as reported' as basis, month, segment_type, segment_value, {{ amounts }}, fx_mrr, closing_mrr
    from {{ ref('mrr_waterfall_as_reported') }}

    union all

    select
        'native' as basis,
        month,
        'currency' as segment_type,
        currency as segment_value,
        0 as {{ amounts }},
        0 as fx_mrr,
        closing_mrr
    from {{ ref('mrr_waterfall_native') }}
),

-- What is reported begins in the middle of a history: the first opening has no closing before it.
first_months as (
    select
        basis,
        min(month) as first_month
    from waterfall
    group by basis
),

chained as (
    select
        waterfall.basis,
        waterfall.month,
        waterfall.segment_type,
        waterfall.segment_value,
        waterfall.opening_mrr,
        waterfall.opening_mrr + waterfall.new_mrr + waterfall.reactivation_mrr + waterfall.expansion_mrr
        - waterfall.contraction_mrr - waterfall.churned_mrr + waterfall.fx_mrr as moved_mrr,
        waterfall.closing_mrr,
        case
            when waterfall.basis = 'as reported' and waterfall.month = first_months.first_month
                then waterfall.opening_mrr
            else coalesce(previous.closing_mrr, 0) + waterfall.segment_transfer_mrr
        end as chained_mrr
    from waterfall
    inner join first_months on waterfall.basis = first_months.basis
    left join waterfall as previous
        on
            waterfall.basis = previous.basis
            and waterfall.segment_type = previous.segment_type
            and waterfall.segment_value = previous.segment_value
            and previous.month = {{ add_months('waterfall.month', -1) }}
)

select * from chained
where moved_mrr <> closing_mrr or chained_mrr <> opening_mrr
