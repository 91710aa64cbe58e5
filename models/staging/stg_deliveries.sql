with deliveries as (
    select * from {{ source('state', 'deliveries') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- A load after this run began is no load but a mistake or an open end.
loaded as (
    {% for table in contract_tables() %}
    select
        '{{ table }}' as table_name,
        max(case when _loaded_at <= settings.started_at then _loaded_at end) as loaded_at
    from {{ source('raw', table) }}
    cross join settings
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

delivered as (
    select
        loaded.table_name,
        case
            when loaded.loaded_at is not null then '_loaded_at'
            when deliveries.modified_at is not null then 'file'
        end as delivered_by,
        coalesce(loaded.loaded_at, deliveries.modified_at) as delivered_at
    from loaded
    left join deliveries on loaded.table_name = deliveries.table_name
),

final as (
    select
        delivered.table_name,
        delivered.delivered_by,
        {{ local_date('delivered.delivered_at', 'settings.time_zone') }} as delivered_on
    from delivered
    cross join settings
)

select * from final
