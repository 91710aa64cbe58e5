{{ config(materialized='view') }}

with base_manual_adjustments as (
    select * from {{ ref('base_manual_adjustments') }}
),

final as (
    select
        base_manual_adjustments.adjustment_id,
        base_manual_adjustments.account_id,
        base_manual_adjustments.currency,
        base_manual_adjustments.reason,
        base_manual_adjustments.approved_by,
        base_manual_adjustments.amount,
        base_manual_adjustments.period
    from base_manual_adjustments
    where base_manual_adjustments.rejection_rule is null
)

select * from final
