with int_health_inputs as (
    select * from {{ ref('int_health_inputs') }}
),

int_health_versions as (
    select * from {{ ref('int_health_versions') }}
),

health_components as (
    select * from {{ ref('health_components') }}
),

{% set components = ['frequency', 'depth', 'support', 'contract', 'sentiment', 'engagement'] %}

inputs as (
    select
        int_health_inputs.account_id,
        health_components.score_version,
        health_components.component,
        health_components.weight,
        {% for part in ['numerator', 'denominator'] %}
        case health_components.component
            {% for component in components %}
            when '{{ component }}' then int_health_inputs.{{ component }}_{{ part }}
            {% endfor %}
        end as input_{{ part }},
        {% endfor %}
        {{ scaled('health_components.input_at_0', 4) }} as at_0,
        {{ scaled('health_components.input_at_50', 4) }} as at_50,
        {{ scaled('health_components.input_at_100', 4) }} as at_100,
        int_health_inputs.month
    from int_health_inputs
    inner join int_health_versions on int_health_inputs.month = int_health_versions.month
    inner join health_components on int_health_versions.components_from = health_components.valid_from
),

-- Distances from the input at 0, in ten-thousandths of an input times the denominator: integers in both directions.
distances as (
    select
        inputs.*,
        case when at_100 >= at_0 then 1 else -1 end * (input_numerator * 10000 - at_0 * input_denominator) as progress,
        abs(at_50 - at_0) * input_denominator as to_50,
        abs(at_100 - at_50) * input_denominator as from_50
    from inputs
),

scored as (
    select
        distances.*,
        case
            when progress <= 0 then 0
            when progress < to_50 then {{ round_half_away('500000 * progress', 'to_50') }}
            when progress < to_50 + from_50
                then 500000 + {{ round_half_away('500000 * (progress - to_50)', 'from_50') }}
            when progress is not null then 1000000
        end as ten_thousandths
    from distances
),

covered as (
    select
        scored.*,
        cast(cast(ten_thousandths as decimal(18, 0)) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4)) as score,
        sum(case when ten_thousandths is not null then weight end) over (partition by account_id, month) as coverage
    from scored
),

-- Both sides of the last division are taken to whole numbers, since it reads four decimals.
final as (
    select
        account_id,
        score_version,
        component,
        {{ exact_ratio('input_numerator', 'input_denominator') }} as input_value,
        score,
        weight,
        {{ exact_ratio('weight * (score - 50) * 10000', 'coverage * 10000') }} as contribution,
        month
    from covered
)

select * from final
