-- A row means that the bridge from the MRR roll-forward to NRR does not close, or that its ends are not those of NRR
-- itself. Finance cannot reconcile NRR then: a developer of the bridge or of the retention mart acts.
-- depends_on: {{ ref('recomputed_metric_differences') }}, which names a metric that is wrong: it has to run first.
with bridge as (
    select * from {{ ref('nrr_bridge') }}
),

nrr as (
    select * from {{ ref('metric_nrr') }}
),

compared as (
    select
        bridge.month,
        bridge.segment_type,
        bridge.segment_value,
        bridge.opening_mrr + bridge.expansion_mrr - bridge.contraction_mrr - bridge.churned_mrr
        - bridge.outside_expansion_mrr + bridge.outside_contraction_mrr + bridge.outside_churned_mrr
        + bridge.cohort_reactivation_mrr + bridge.cohort_fx_mrr as bridged_mrr,
        bridge.cohort_closing_mrr,
        bridge.opening_mrr + bridge.opening_revaluation_mrr as denominator,
        coalesce(nrr.numerator, 0) as nrr_numerator,
        coalesce(nrr.denominator, 0) as nrr_denominator
    from bridge
    left join nrr
        on
            bridge.month = nrr.month
            and bridge.segment_type = nrr.segment_type
            and bridge.segment_value = nrr.segment_value
)

select * from compared
where
    bridged_mrr <> cohort_closing_mrr
    or cohort_closing_mrr <> nrr_numerator
    or denominator <> nrr_denominator
