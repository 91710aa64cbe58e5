with spans as (
    select * from {{ ref('int_mrr_spans') }}
    where not is_paused and list_numerator > discount_numerator
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- A month's plan rate is the latest dated in it, or in a month before.
monthly_rates as (
    select
        stg_exchange_rates.base_currency as currency,
        stg_exchange_rates.rate,
        {{ month_start('stg_exchange_rates.rate_date') }} as from_month,
        row_number() over (
            partition by stg_exchange_rates.base_currency, {{ month_start('stg_exchange_rates.rate_date') }}
            order by stg_exchange_rates.rate_date desc
        ) as recency
    from {{ ref('stg_exchange_rates') }} as stg_exchange_rates
    inner join settings on stg_exchange_rates.quote_currency = settings.currency
    where
        stg_exchange_rates.rate_type = 'plan'
        and stg_exchange_rates.base_currency <> settings.currency
        and stg_exchange_rates.rate_date <= settings.as_of_date
),

rates as (
    select
        currency,
        rate,
        from_month,
        lead(from_month) over (partition by currency order by from_month) as to_month
    from monthly_rates
    where recency = 1
    union all
    select
        currency,
        cast(1 as decimal(18, 8)) as rate,
        cast('0001-01-01' as date) as from_month,
        cast(null as date) as to_month
    from settings
),

-- What rounds to nothing at the rate of a month is no MRR in it.
unpaid as (
    select
        spans.item_version_id,
        spans.from_at,
        case when rates.from_month > spans.from_on then {{ utc_midnight('rates.from_month', 'settings.time_zone') }} end
            as zero_from_at,
        case
            when spans.to_on is null or rates.to_month < spans.to_on
                then {{ utc_midnight('rates.to_month', 'settings.time_zone') }}
        end as zero_to_at
    from spans
    cross join settings
    inner join rates
        on
            spans.currency = rates.currency
            and (spans.to_on is null or spans.to_on >= rates.from_month)
            and (rates.to_month is null or spans.from_on < rates.to_month)
    where
        {{ money_at_rate(
            'spans.list_numerator - spans.discount_numerator', scaled('rates.rate', 8), 'spans.monthly_denominator',
            'settings.minor_units',
        ) }} = 0
),

starts as (
    select
        item_version_id,
        from_at as span_from_at,
        from_at as paid_from_at
    from spans
    union distinct
    select
        item_version_id,
        from_at as span_from_at,
        zero_to_at as paid_from_at
    from unpaid
    where zero_to_at is not null
),

pieces as (
    select
        starts.item_version_id,
        starts.span_from_at,
        starts.paid_from_at,
        min(case when unpaid.zero_from_at > starts.paid_from_at then unpaid.zero_from_at end) as paid_to_at
    from starts
    left join unpaid on starts.item_version_id = unpaid.item_version_id and starts.span_from_at = unpaid.from_at
    group by starts.item_version_id, starts.span_from_at, starts.paid_from_at
    having
        count(
            case
                when
                    coalesce(unpaid.zero_from_at, unpaid.from_at) <= starts.paid_from_at
                    and (unpaid.zero_to_at is null or unpaid.zero_to_at > starts.paid_from_at) then 1
            end
        ) = 0
),

bounded as (
    select
        spans.account_id,
        spans.item_version_id,
        spans.subscription_id,
        pieces.paid_from_at as from_at,
        least(spans.to_at, pieces.paid_to_at) as to_at,
        settings.time_zone
    from pieces
    inner join spans on pieces.item_version_id = spans.item_version_id and pieces.span_from_at = spans.from_at
    cross join settings
    where spans.to_at is null or pieces.paid_from_at < spans.to_at
),

final as (
    select
        account_id,
        item_version_id,
        subscription_id,
        from_at,
        to_at,
        {{ local_date('from_at', 'time_zone') }} as from_on,
        {{ local_date('to_at', 'time_zone') }} as to_on
    from bounded
)

select * from final
