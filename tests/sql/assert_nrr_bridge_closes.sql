-- A row means that the bridge from the MRR roll-forward to NRR does not close, that its ends are not those of NRR
-- itself, or that its roll-forward is not the waterfall's. Finance cannot reconcile NRR then: a developer of the bridge
-- or of the retention mart acts.
-- depends_on: {{ ref('recomputed_differences') }}, which names a metric that is wrong: it has to run first.
with bridge as (
    select * from {{ ref('nrr_bridge') }}
),

nrr as (
    select * from {{ ref('metric_nrr') }}
    where segment_type = 'total' or sample_size > 0
),

-- Segments of the waterfall follow each month's start, those of the bridge the window's: only the totals tie.
waterfall_years as (
    select
        month,
        segment_type,
        segment_value,
        first_value(opening_mrr) over twelve_months as opening_mrr,
        sum(expansion_mrr) over twelve_months as expansion_mrr,
        sum(contraction_mrr) over twelve_months as contraction_mrr,
        sum(churned_mrr) over twelve_months as churned_mrr
    from {{ ref('mrr_waterfall') }}
    where segment_type = 'total'
    window twelve_months as (order by month rows between 11 preceding and current row)
),

compared as (
    select
        coalesce(bridge.month, nrr.month) as month,
        coalesce(bridge.segment_type, nrr.segment_type) as segment_type,
        coalesce(bridge.segment_value, nrr.segment_value) as segment_value,
        coalesce(
            bridge.opening_mrr + bridge.expansion_mrr - bridge.contraction_mrr - bridge.churned_mrr
            - bridge.outside_expansion_mrr + bridge.outside_contraction_mrr + bridge.outside_churned_mrr
            + bridge.cohort_reactivation_mrr + bridge.cohort_fx_mrr, 0
        ) as bridged_mrr,
        coalesce(bridge.cohort_closing_mrr, 0) as cohort_closing_mrr,
        coalesce(bridge.opening_mrr + bridge.opening_revaluation_mrr, 0) as denominator,
        coalesce(nrr.numerator, 0) as nrr_numerator,
        coalesce(nrr.denominator, 0) as nrr_denominator,
        bridge.opening_mrr - waterfall.opening_mrr as opening_difference,
        bridge.expansion_mrr - waterfall.expansion_mrr as expansion_difference,
        bridge.contraction_mrr - waterfall.contraction_mrr as contraction_difference,
        bridge.churned_mrr - waterfall.churned_mrr as churned_difference
    from bridge
    full outer join nrr
        on
            bridge.month = nrr.month
            and bridge.segment_type = nrr.segment_type
            and bridge.segment_value = nrr.segment_value
    left join waterfall_years as waterfall
        on
            bridge.month = waterfall.month
            and bridge.segment_type = waterfall.segment_type
)

select * from compared
where
    bridged_mrr <> cohort_closing_mrr
    or cohort_closing_mrr <> nrr_numerator
    or denominator <> nrr_denominator
    or opening_difference <> 0
    or expansion_difference <> 0
    or contraction_difference <> 0
    or churned_difference <> 0
