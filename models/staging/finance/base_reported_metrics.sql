with raw_rows as (
    select * from {{ source('raw', 'reported_metrics') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('reported_metrics') }} as copy_number,
        {{ key_standing('reported_metrics', ['period', 'metric_key', 'reported_at']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('reported_metrics') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when standing.period <> {{ month_start('standing.period') }} then 'not_first_of_month'
        end as rejection_rule
    from standing
    cross join stg_run_settings as settings
)

select * from final
