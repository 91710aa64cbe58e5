{{ config(materialized='view') }}

with base_unit_economics as (
    select * from {{ ref('base_unit_economics') }}
),

final as (
    select
        base_unit_economics.period,
        base_unit_economics.currency,
        base_unit_economics.gross_margin_rate,
        base_unit_economics.sales_and_marketing_cost,
        base_unit_economics.cs_cost
    from base_unit_economics
    where base_unit_economics.rejection_rule is null
)

select * from final
