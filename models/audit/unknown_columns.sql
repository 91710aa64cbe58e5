with unknown_columns as (
    select * from {{ source('state', 'unknown_columns') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        unknown_columns.table_name,
        unknown_columns.path,
        unknown_columns.column_name,
        settings.build_id as build
    from unknown_columns
    cross join settings
)

select * from final
