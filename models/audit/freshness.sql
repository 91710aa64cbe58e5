with int_accepted_rows as (
    select * from {{ ref('int_accepted_rows') }}
),

freshness_expectations as (
    select * from {{ ref('freshness_expectations') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- A table without any row is late only where a company has made that an error.
aged as (
    select
        int_accepted_rows.*,
        freshness_expectations.max_age_days,
        freshness_expectations.min_share_of_previous_weeks,
        freshness_expectations.min_previous_rows,
        coalesce(freshness_expectations.severity, 'none') as severity,
        {{ days_between('int_accepted_rows.newest_on', 'settings.as_of_date') }} as age_days
    from int_accepted_rows
    cross join settings
    left join freshness_expectations on int_accepted_rows.table_name = freshness_expectations.table_name
),

final as (
    select
        table_name,
        severity,
        accepted_count as accepted,
        cast(age_days as bigint) as age_days,
        max_age_days,
        last_7_days_count,
        previous_28_days_count,
        coalesce(age_days > max_age_days, severity = 'error' and max_age_days is not null) as is_stale,
        coalesce(
            previous_28_days_count >= min_previous_rows
            and 4 * last_7_days_count < min_share_of_previous_weeks * previous_28_days_count,
            false
        ) as is_low_volume,
        newest_on
    from aged
)

select * from final
