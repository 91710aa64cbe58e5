with raw_rows as (
    select * from {{ source('raw', 'invoice_lines') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

currencies as (
    select * from {{ ref('currencies') }}
),

stg_accounts as (
    select * from {{ ref('stg_accounts') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('invoice_lines') }} as copy_number,
        {{ key_standing('invoice_lines', ['invoice_line_id']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('invoice_lines') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when standing.service_to < standing.service_from then 'end_before_start'
            when currencies.currency is null then 'unknown_currency'
            when stg_accounts.account_id is null then 'unknown_account'
        end as rejection_rule
    from standing
    cross join stg_run_settings as settings
    left join currencies on standing.currency = currencies.currency
    left join stg_accounts on standing.account_id = stg_accounts.account_id
)

select * from final
