with int_health_customers as (
    select * from {{ ref('int_health_customers') }}
),

int_health_versions as (
    select * from {{ ref('int_health_versions') }}
),

int_red_flag_facts as (
    select * from {{ ref('int_red_flag_facts') }}
),

red_flags as (
    select * from {{ ref('red_flags') }}
),

health_tiers as (
    select * from {{ ref('health_tiers') }}
),

rules as (
    select
        versions.month,
        versions.scored_on,
        red_flags.red_flag,
        red_flags.cap_tier,
        health_tiers.lower_score as cap_lower_score,
        red_flags.grace_days,
        red_flags.expires_after_days
    from int_health_versions as versions
    inner join red_flags on versions.red_flags_from = red_flags.valid_from
    inner join health_tiers
        on
            versions.tiers_from = health_tiers.valid_from
            and red_flags.cap_tier = health_tiers.tier
),

raised as (
    select
        customers.account_id,
        customers.month,
        customers.scored_on,
        rules.red_flag,
        rules.cap_tier,
        rules.cap_lower_score,
        facts.known_on,
        facts.over_on,
        {{ add_days('facts.fact_on', 'rules.grace_days') }} as raised_on,
        {{ add_days('facts.fact_on', 'rules.grace_days + rules.expires_after_days') }} as expires_on
    from int_health_customers as customers
    inner join int_red_flag_facts as facts on customers.account_id = facts.account_id
    inner join rules
        on
            customers.month = rules.month
            and facts.red_flag = rules.red_flag
),

-- Of several flags the one with the lowest cap counts, then the one that lasts longest.
ranked as (
    select
        raised.*,
        row_number() over (
            partition by account_id, month
            order by cap_lower_score asc, expires_on desc, red_flag asc, raised_on asc, over_on asc
        ) as flag_rank
    from raised
    where
        raised_on <= scored_on
        and known_on <= scored_on
        and scored_on < expires_on
        and scored_on < over_on
),

final as (
    select
        account_id,
        red_flag,
        cap_tier,
        cap_lower_score,
        month,
        expires_on as red_flag_expires_on
    from ranked
    where flag_rank = 1
)

select * from final
