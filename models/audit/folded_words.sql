with folded_words as (
    select * from {{ source('state', 'folded_words') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        folded_words.table_name,
        folded_words.column_name,
        folded_words.word,
        folded_words.read_as,
        folded_words.row_count,
        settings.build_id as build
    from folded_words
    cross join settings
)

select * from final
