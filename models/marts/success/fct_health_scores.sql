with int_health_customers as (
    select * from {{ ref('int_health_customers') }}
),

int_usage_windows as (
    select * from {{ ref('int_usage_windows') }}
),

int_health_tiers as (
    select * from {{ ref('int_health_tiers') }}
),

int_health_red_flags as (
    select * from {{ ref('int_health_red_flags') }}
),

int_health_drivers as (
    select * from {{ ref('int_health_drivers') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- Too little known is no tier at all; a red flag lowers a tier and never makes one.
final as (
    select
        customers.account_id,
        customers.month,
        customers.scored_on,
        case
            when scores.score is null or not int_usage_windows.is_feed_delivered then 'unknown'
            when scores.coverage < settings.minimum_coverage then 'unknown'
            when red_flags.cap_lower_score < scores.lower_score then red_flags.cap_tier
            else scores.tier
        end as tier,
        scores.score,
        scores.coverage,
        red_flags.red_flag,
        red_flags.red_flag_expires_on,
        drivers.drivers_en,
        drivers.drivers_ja,
        scores.score_version
    from int_health_customers as customers
    cross join settings
    inner join int_usage_windows on customers.month = int_usage_windows.month
    inner join int_health_tiers as scores
        on
            customers.account_id = scores.account_id
            and customers.month = scores.month
    left join int_health_red_flags as red_flags
        on
            customers.account_id = red_flags.account_id
            and customers.month = red_flags.month
    left join int_health_drivers as drivers
        on
            customers.account_id = drivers.account_id
            and customers.month = drivers.month
)

select * from final
