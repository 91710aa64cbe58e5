with int_revenue_by_segment as (
    select * from {{ ref('int_revenue_by_segment') }}
),

monthly_retention as (
    select * from {{ ref('int_retention_by_segment') }}
    where window_months = 1
),

dim_months as (
    select * from {{ ref('dim_months') }}
),

stg_unit_economics as (
    select * from {{ ref('stg_unit_economics') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

pooled_churn as (
    select
        dim_months.month,
        monthly_retention.segment_type,
        monthly_retention.segment_value,
        sum(monthly_retention.opening_customers) as opening_customers,
        sum(monthly_retention.lost_customers) as lost_customers
    from dim_months
    inner join monthly_retention
        on
            monthly_retention.month > {{ add_months('dim_months.month', -12) }}
            and dim_months.month >= monthly_retention.month
    group by dim_months.month, monthly_retention.segment_type, monthly_retention.segment_value
),

dated_margins as (
    select
        dim_months.month,
        stg_unit_economics.gross_margin_rate,
        row_number() over (partition by dim_months.month order by stg_unit_economics.period desc) as recency
    from dim_months
    inner join stg_unit_economics on dim_months.month >= stg_unit_economics.period
),

first_months as (
    select min(month) as first_month
    from dim_months
),

final as (
    select
        revenue.month,
        revenue.segment_type,
        revenue.segment_value,
        revenue.closing_mrr,
        revenue.paying_customers,
        -- Lifetime in months = months_numerator / months_denominator, at most the cap.
        case
            when pooled_churn.opening_customers < settings.ltv_cap_months * pooled_churn.lost_customers
                then pooled_churn.opening_customers
            else settings.ltv_cap_months
        end as months_numerator,
        case
            when pooled_churn.opening_customers < settings.ltv_cap_months * pooled_churn.lost_customers
                then pooled_churn.lost_customers
            else 1
        end as months_denominator,
        coalesce(dated_margins.gross_margin_rate, settings.gross_margin_rate) as gross_margin_rate,
        case
            when {{ add_months('revenue.month', -12) }} < first_months.first_month then 'insufficient_history'
            when revenue.paying_customers < settings.ltv_minimum_customers then 'too_few_customers'
        end as null_reason
    from int_revenue_by_segment as revenue
    cross join settings
    cross join first_months
    left join pooled_churn
        on
            revenue.month = pooled_churn.month
            and revenue.segment_type = pooled_churn.segment_type
            and revenue.segment_value = pooled_churn.segment_value
    left join dated_margins
        on
            revenue.month = dated_margins.month
            and dated_margins.recency = 1
)

select * from final
