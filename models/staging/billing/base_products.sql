with raw_rows as (
    select * from {{ source('raw', 'products') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('products') }} as copy_number,
        {{ key_standing('products', ['product_id']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('products') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            {{ amount_rules('products') }}
        end as rejection_rule
    from standing
)

select * from final
