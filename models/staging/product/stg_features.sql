{{ config(materialized='view') }}

with base_features as (
    select * from {{ ref('base_features') }}
),

final as (
    select
        base_features.feature_key,
        base_features.is_core,
        base_features.is_high_value
    from base_features
    where base_features.rejection_rule is null
)

select * from final
