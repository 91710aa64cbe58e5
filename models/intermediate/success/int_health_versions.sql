with dim_months as (
    select * from {{ ref('dim_months') }}
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

versions as (
    select
        'components' as seed,
        valid_from
    from health_components
    union
    select
        'tiers' as seed,
        valid_from
    from health_tiers
    union
    select
        'red_flags' as seed,
        valid_from
    from red_flags
),

-- What holds on a day is the latest version from on or before it, so that new weights never move an old score.
final as (
    select
        dim_months.month,
        {% for seed in ['components', 'tiers', 'red_flags'] %}
        max(case when versions.seed = '{{ seed }}' then versions.valid_from end) as {{ seed }}_from,
        {% endfor %}
        dim_months.period_end_on as scored_on
    from dim_months
    inner join versions on dim_months.period_end_on >= versions.valid_from
    group by dim_months.month, dim_months.period_end_on
)

select * from final
