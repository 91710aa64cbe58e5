with recursive int_paid_spans as (
    select * from {{ ref('int_paid_spans') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

first_months as (
    select min({{ month_index('from_on') }}) as first_month_index
    from int_paid_spans
    where to_on is null or {{ month_index('from_on') }} < {{ month_index('to_on') }}
),

month_indexes as (
    select
        cast(coalesce(first_months.first_month_index, {{ month_index('settings.as_of_date') }}) as integer)
            as month_index
    from settings
    cross join first_months

    union all

    select month_indexes.month_index + 1 as month_index
    from month_indexes
    cross join settings
    where month_indexes.month_index < {{ month_index('settings.as_of_date') }}
),

months as (
    select
        month_index,
        {{ add_months("cast('2000-01-01' as date)", 'month_index - 24000') }} as month
    from month_indexes
),

month_ends as (
    select
        months.month_index,
        months.month,
        {{ add_days(add_months('months.month', 1), -1) }} as month_last_on,
        {{ add_months(
            'months.month',
            '-((months.month_index + 13 - settings.fiscal_year_start_month) % 3)',
        ) }} as quarter_start_month,
        settings.as_of_date,
        settings.time_zone
    from months
    cross join settings
),

final as (
    select
        month,
        cast(month_index as bigint) as month_index,
        quarter_start_month,
        month_last_on,
        least(month_last_on, as_of_date) as period_end_on,
        {{ utc_midnight(add_days('least(month_last_on, as_of_date)', 1), 'time_zone') }} as period_end_at,
        month_last_on <= as_of_date as is_complete_month
    from month_ends
)

select * from final
