with raw_rows as (
    select * from {{ source('raw', 'unit_economics') }}
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
        {{ copy_number('unit_economics') }} as copy_number,
        {{ key_standing('unit_economics', ['period']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('unit_economics') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            {{ amount_rules('unit_economics') }}
            when standing.gross_margin_rate > 1 then 'margin_above_one'
            when standing.period <> {{ month_start('standing.period') }} then 'not_first_of_month'
            when currencies.currency is null then 'unknown_currency'
        end as rejection_rule
    from standing
    cross join stg_run_settings as settings
    left join currencies on standing.currency = currencies.currency
)

select * from final
