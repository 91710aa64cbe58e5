with int_account_month_attributes as (
    select * from {{ ref('int_account_month_attributes') }}
),

dim_products as (
    select * from {{ ref('dim_products') }}
),

size_bands as (
    select bands.*
    from {{ ref('size_bands') }} as bands
    inner join {{ ref('stg_run_settings') }} as settings on bands.currency = settings.currency
),

-- A tier is known by the products that stand in it, whatever their family.
tier_products as (
    select
        tier_rank,
        product_name,
        row_number() over (partition by tier_rank order by product_family, product_id) as place
    from dim_products
    where is_recurring and not is_metered
),

tiers as (
    select
        tier_rank,
        cast(tier_rank as {{ dbt.type_string() }}) as plan_tier,
        {% for place in range(1, 5) %}
        {% set name = 'max(case when place = ' ~ place ~ ' then product_name end)' %}
        {{ name if loop.first else "|| coalesce(', ' || " ~ name ~ ", '')" }}
        {% endfor %}
        || case when count(*) > 4 then ', …' else '' end as products
    from tier_products
    group by tier_rank
),

segments as (
    select
        'total' as segment_type,
        'total' as segment_value
    {% for column in segment_columns() %}
    union distinct
    select
        '{{ column }}' as segment_type,
        {{ column }} as segment_value
    from int_account_month_attributes
    {% endfor %}
),

labelled as (
    select
        segments.*,
        case
            when segments.segment_value = 'total' then 'Total'
            when segments.segment_value = 'unknown' then 'Unknown'
            else coalesce('Tier ' || segments.segment_value || ': ' || tiers.products, size_bands.name_en)
        end as label_en,
        case
            when segments.segment_value = 'total' then '全体'
            when segments.segment_value = 'unknown' then '不明'
            else coalesce('ティア' || segments.segment_value || ': ' || tiers.products, size_bands.name_ja)
        end as label_ja,
        row_number() over (
            partition by segments.segment_type
            order by
                case when segments.segment_value = 'unknown' then 1 else 0 end,
                coalesce(tiers.tier_rank, cast(size_bands.lower_mrr as decimal(38, 4)), 0),
                segments.segment_value
        ) as sort_order
    from segments
    left join tiers
        on segments.segment_type = 'plan_tier' and segments.segment_value = tiers.plan_tier
    left join size_bands
        on segments.segment_type = 'size_band' and segments.segment_value = size_bands.size_band
),

final as (
    select
        segment_type,
        segment_value,
        coalesce(label_en, segment_value) as label_en,
        coalesce(label_ja, segment_value) as label_ja,
        cast(sort_order as bigint) as sort_order
    from labelled
)

select * from final
