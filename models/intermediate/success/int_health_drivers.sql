with int_health_component_scores as (
    select * from {{ ref('int_health_component_scores') }}
),

int_health_versions as (
    select * from {{ ref('int_health_versions') }}
),

health_components as (
    select * from {{ ref('health_components') }}
),

-- A component at exactly 50 drives nothing.
ranked as (
    select
        account_id,
        component,
        contribution > 0 as is_up,
        case when contribution > 0 then '+' else '' end
        || cast(cast(contribution as decimal(18, 1)) as varchar) as points,
        month,
        row_number() over (partition by account_id, month order by abs(contribution) desc, component asc)
            as driver_rank
    from int_health_component_scores
    where contribution != 0
),

worded as (
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

final as (
    select
        account_id,
        {% for language, separator in [('en', '; '), ('ja', '、')] %}
        max(case when driver_rank = 1 then text_{{ language }} end)
        || coalesce('{{ separator }}' || max(case when driver_rank = 2 then text_{{ language }} end), '')
        || coalesce('{{ separator }}' || max(case when driver_rank = 3 then text_{{ language }} end), '')
            as drivers_{{ language }},
        {% endfor %}
        month
    from worded
    group by account_id, month
)

select * from final
