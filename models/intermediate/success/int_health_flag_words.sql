with int_health_red_flags as (
    select * from {{ ref('int_health_red_flags') }}
),

int_health_versions as (
    select * from {{ ref('int_health_versions') }}
),

health_tiers as (
    select * from {{ ref('health_tiers') }}
),

red_flags as (
    select * from {{ ref('red_flags') }}
),

final as (
    select
        flags.account_id,
        red_flags.component,
        red_flags.name_en || ' (capped at ' || health_tiers.name_en || ')' as text_en,
        red_flags.name_ja || 'あり（上限：' || health_tiers.name_ja || '）' as text_ja,
        flags.month
    from int_health_red_flags as flags
    inner join int_health_versions as versions on flags.month = versions.month
    inner join red_flags
        on
            versions.red_flags_from = red_flags.valid_from
            and flags.red_flag = red_flags.red_flag
    inner join health_tiers
        on
            versions.tiers_from = health_tiers.valid_from
            and flags.cap_tier = health_tiers.tier
)

select * from final
