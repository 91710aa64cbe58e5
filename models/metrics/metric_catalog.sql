with catalog as (
    select * from {{ ref('metrics_listed') }}
),

final as (
    select
        metric_key,
        name_en,
        name_ja,
        definition_en,
        definition_ja,
        unit,
        direction,
        leading_or_lagging,
        grain,
        window_length as measured_over,
        source,
        cast(sort_order as bigint) as sort_order
    from catalog
)

select * from final
