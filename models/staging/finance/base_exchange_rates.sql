with raw_rows as (
    select * from {{ source('raw', 'exchange_rates') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('exchange_rates') }} as copy_number,
        {{ key_standing('exchange_rates', ['rate_date', 'base_currency', 'quote_currency', 'rate_type']) }}
            as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('exchange_rates') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when standing.rate <= 0 then 'rate_not_positive'
            when base_currencies.currency is null or quote_currencies.currency is null then 'unknown_currency'
        end as rejection_rule
    from standing
    cross join stg_run_settings as settings
    left join currencies as base_currencies on standing.base_currency = base_currencies.currency
    left join currencies as quote_currencies on standing.quote_currency = quote_currencies.currency
)

select * from final
