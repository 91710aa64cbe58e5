with int_health_component_scores as (
    select * from {{ ref('int_health_component_scores') }}
),

covered as (
    select
        int_health_component_scores.*,
        sum(case when score is not null then weight end) over (partition by account_id, month) as coverage
    from int_health_component_scores
),

-- Both sides of the division are taken to whole numbers, since it reads four decimals.
final as (
    select
        account_id,
        component,
        score_version,
        input_value,
        score,
        weight,
        {{ exact_ratio('weight * (score - 50) * 10000', 'coverage * 10000') }} as contribution,
        month
    from covered
)

select * from final
