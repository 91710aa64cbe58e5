with raw_rows as (
    select * from {{ source('raw', 'features') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('features') }} as copy_number,
        {{ key_standing('features', ['feature_key']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('features') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
        end as rejection_rule
    from standing
)

select * from final
