with raw_files as (
    select * from {{ source('state', 'raw_files') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        raw_files.path,
        raw_files.table_name,
        raw_files.row_count,
        raw_files.byte_count,
        raw_files.content_hash,
        raw_files.modified_at,
        settings.build_id as build
    from raw_files
    cross join settings
)

select * from final
