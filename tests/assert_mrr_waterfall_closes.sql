-- A row means that a month's movements do not lead from its opening to its closing, or that its opening is not the
-- closing of the month before (for a segment: plus what customers who changed segment brought along).
-- No figure built on MRR can be trusted then: a developer of the ledger acts.
with waterfall as (
    select * from {{ ref('mrr_waterfall') }}
),

chained as (
    select
        waterfall.month,
        waterfall.segment_type,
        waterfall.segment_value,
        waterfall.opening_mrr,
        waterfall.opening_mrr + waterfall.new_mrr + waterfall.reactivation_mrr + waterfall.expansion_mrr
        - waterfall.contraction_mrr - waterfall.churned_mrr + waterfall.fx_mrr as moved_mrr,
        waterfall.closing_mrr,
        coalesce(previous.closing_mrr, 0) + waterfall.segment_transfer_mrr as chained_mrr
    from waterfall
    left join waterfall as previous
        on
            waterfall.segment_type = previous.segment_type
            and waterfall.segment_value = previous.segment_value
            and previous.month = {{ add_months('waterfall.month', -1) }}
)

select * from chained
where moved_mrr <> closing_mrr or chained_mrr <> opening_mrr
