{{ config(materialized='view') }}

with base_reported_metrics as (
    select * from {{ ref('base_reported_metrics') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

final as (
    select
        base_reported_metrics.metric_key,
        base_reported_metrics.reported_by,
        base_reported_metrics.value,
        base_reported_metrics.reported_at,
        base_reported_metrics.period,
        {{ local_date('base_reported_metrics.reported_at', 'settings.time_zone') }} as reported_on
    from base_reported_metrics
    cross join stg_run_settings as settings
    where base_reported_metrics.rejection_rule is null
)

select * from final
