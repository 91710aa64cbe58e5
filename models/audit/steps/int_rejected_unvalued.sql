with int_rejected_lines as (
    select * from {{ ref('int_rejected_lines') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- What is sold in a currency without any plan rate cannot be valued either.
currencies as (
    select base_currency as currency from {{ ref('stg_exchange_rates') }}
    where rate_type = 'plan'
    union distinct
    select currency from settings
),

versions as (
    select
        int_rejected_lines.customer_id,
        int_rejected_lines.item_version_id,
        min(int_rejected_lines.from_on) as from_on,
        case when count(*) = count(int_rejected_lines.to_on) then max(int_rejected_lines.to_on) end as to_on
    from int_rejected_lines
    left join currencies on int_rejected_lines.currency = currencies.currency
    group by int_rejected_lines.customer_id, int_rejected_lines.item_version_id
    having max(case when int_rejected_lines.is_computable and currencies.currency is not null then 1 else 0 end) = 0
),

final as (
    select
        customer_id,
        case when count(*) = count(from_on) then min(from_on) end as from_on,
        case when count(*) = count(to_on) then max(to_on) end as to_on
    from versions
    group by customer_id
)

select * from final
