with int_accepted_rows as (
    select * from {{ ref('int_accepted_rows') }}
),

stg_deliveries as (
    select * from {{ ref('stg_deliveries') }}
),

freshness_expectations as (
    select * from {{ ref('freshness_expectations') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- Where nothing new is normal, an old newest row says nothing: the age is that of the delivery.
dated as (
    select
        int_accepted_rows.*,
        stg_deliveries.delivered_by,
        stg_deliveries.delivered_on,
        freshness_expectations.max_age_days,
        freshness_expectations.min_share_of_previous_weeks,
        freshness_expectations.min_previous_rows,
        coalesce(freshness_expectations.severity, 'none') as severity,
        case
            when freshness_expectations.measured_by = 'delivery' then stg_deliveries.delivered_on
            else int_accepted_rows.newest_on
        end as measured_on,
        settings.as_of_date
    from int_accepted_rows
    cross join settings
    inner join stg_deliveries on int_accepted_rows.table_name = stg_deliveries.table_name
    left join freshness_expectations on int_accepted_rows.table_name = freshness_expectations.table_name
),

-- A table without any row is late only where a company has made that an error.
aged as (
    select
        dated.*,
        case
            when measured_on <= as_of_date then {{ days_between('measured_on', 'as_of_date') }}
            when measured_on > as_of_date then 0
        end as age_days
    from dated
),

final as (
    select
        table_name,
        newest_on,
        delivered_on,
        delivered_by,
        cast(age_days as bigint) as age_days,
        max_age_days,
        accepted_count as accepted,
        last_7_days_count,
        previous_28_days_count,
        severity,
        case
            when accepted_count = 0 then severity = 'error' and max_age_days is not null
            else coalesce(age_days > max_age_days, false)
        end as is_stale,
        coalesce(
            previous_28_days_count >= min_previous_rows
            and 4 * last_7_days_count < min_share_of_previous_weeks * previous_28_days_count,
            false
        ) as is_low_volume
    from aged
)

select * from final
