{{ config(materialized='view') }}

with base_exchange_rates as (
    select * from {{ ref('base_exchange_rates') }}
),

final as (
    select
        base_exchange_rates.base_currency,
        base_exchange_rates.quote_currency,
        base_exchange_rates.rate_type,
        base_exchange_rates.rate,
        base_exchange_rates.rate_date
    from base_exchange_rates
    where base_exchange_rates.rejection_rule is null
)

select * from final
