with int_health_component_scores as (
    select * from {{ ref('int_health_component_scores') }}
),

int_health_flag_words as (
    select * from {{ ref('int_health_flag_words') }}
),

int_health_versions as (
    select * from {{ ref('int_health_versions') }}
),

health_components as (
    select * from {{ ref('health_components') }}
),

-- A component at exactly 50 drives nothing; one that says what the red flag says is not said twice. The flag, which
-- caps the tier whatever the score, comes first.
ranked as (
    select
        components.account_id,
        components.component,
        components.contribution > 0 as is_up,
        case when components.contribution > 0 then '+' else '' end
        || cast(cast(components.contribution as decimal(18, 1)) as {{ dbt.type_string() }}) as points,
        components.month,
        row_number() over (
            partition by components.account_id, components.month
            order by abs(components.contribution) desc, components.component asc
        ) as driver_rank
    from int_health_component_scores as components
    left join int_health_flag_words as flagged
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
    from int_health_flag_words
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
