with int_health_component_scores as (
    select * from {{ ref('int_health_component_scores') }}
),

int_health_red_flags as (
    select * from {{ ref('int_health_red_flags') }}
),

int_health_versions as (
    select * from {{ ref('int_health_versions') }}
),

health_components as (
    select * from {{ ref('health_components') }}
),

health_tiers as (
    select * from {{ ref('health_tiers') }}
),

red_flags as (
    select * from {{ ref('red_flags') }}
),

-- What caps the tier decides more than any component does: it comes first.
flagged as (
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
),

-- A component at exactly 50 drives nothing; one that says what the red flag says is not said twice.
ranked as (
    select
        components.account_id,
        components.component,
        components.contribution > 0 as is_up,
        case when components.contribution > 0 then '+' else '' end
        || cast(cast(components.contribution as decimal(18, 1)) as varchar) as points,
        components.month,
        row_number() over (
            partition by components.account_id, components.month
            order by abs(components.contribution) desc, components.component asc
        ) as driver_rank
    from int_health_component_scores as components
    left join flagged
        on
            components.account_id = flagged.account_id
            and components.month = flagged.month
            and components.component = flagged.component
    where components.contribution != 0 and flagged.account_id is null
),

worded as (
    select
        account_id,
        month,
        0 as driver_rank,
        text_en,
        text_ja
    from flagged
    union all
    select
        ranked.account_id,
        ranked.month,
        ranked.driver_rank,
        case when ranked.is_up then health_components.driver_up_en else health_components.driver_down_en end
        || ' (' || ranked.points || ')' as text_en,
        case when ranked.is_up then health_components.driver_up_ja else health_components.driver_down_ja end
        || '（' || ranked.points || '）' as text_ja
    from ranked
    inner join int_health_versions on ranked.month = int_health_versions.month
    inner join health_components
        on
            int_health_versions.components_from = health_components.valid_from
            and ranked.component = health_components.component
    where ranked.driver_rank <= 3
),

placed as (
    select
        worded.*,
        row_number() over (partition by account_id, month order by driver_rank asc) as place
    from worded
),

final as (
    select
        account_id,
        {% for language, separator in [('en', '; '), ('ja', '、')] %}
        max(case when place = 1 then text_{{ language }} end)
        {% for place in [2, 3, 4] %}
        || coalesce('{{ separator }}' || max(case when place = {{ place }} then text_{{ language }} end), '')
        {% endfor %}
            as drivers_{{ language }},
        {% endfor %}
        month
    from placed
    group by account_id, month
)

select * from final
