with int_health_customers as (
    select * from {{ ref('int_health_customers') }}
),

int_usage_months as (
    select * from {{ ref('int_usage_months') }}
),

int_health_support as (
    select * from {{ ref('int_health_support') }}
),

int_health_contracts as (
    select * from {{ ref('int_health_contracts') }}
),

int_health_sentiment as (
    select * from {{ ref('int_health_sentiment') }}
),

int_health_engagement as (
    select * from {{ ref('int_health_engagement') }}
),

-- Inputs are exact fractions; both parts are null where the component has nothing to say.
final as (
    select
        customers.account_id,
        usage_months.active_days as frequency_numerator,
        cast(1 as bigint) as frequency_denominator,
        case when usage_months.high_value_feature_count > 0 then usage_months.high_value_features_used end
            as depth_numerator,
        nullif(usage_months.high_value_feature_count, 0) as depth_denominator,
        support.middle_seconds as support_numerator,
        support.middle_hour_seconds as support_denominator,
        contracts.contract_points as contract_numerator,
        cast(1 as bigint) as contract_denominator,
        sentiment.point_sum as sentiment_numerator,
        sentiment.answer_count as sentiment_denominator,
        engagement.attended_count as engagement_numerator,
        cast(1 as bigint) as engagement_denominator,
        usage_months.is_feed_delivered,
        customers.month,
        customers.scored_on
    from int_health_customers as customers
    inner join int_usage_months as usage_months
        on customers.account_id = usage_months.account_id and customers.month = usage_months.month
    left join int_health_support as support
        on customers.account_id = support.account_id and customers.month = support.month
    left join int_health_contracts as contracts
        on customers.account_id = contracts.account_id and customers.month = contracts.month
    left join int_health_sentiment as sentiment
        on customers.account_id = sentiment.account_id and customers.month = sentiment.month
    left join int_health_engagement as engagement
        on customers.account_id = engagement.account_id and customers.month = engagement.month
)

select * from final
