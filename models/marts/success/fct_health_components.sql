with int_health_component_scores as (
    select * from {{ ref('int_health_component_scores') }}
),

final as (
    select
        account_id,
        month,
        component,
        score_version,
        input_value,
        score,
        weight,
        contribution
    from int_health_component_scores
)

select * from final
