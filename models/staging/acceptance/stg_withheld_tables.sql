with reject_limits as (
    select * from {{ ref('reject_limits') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

read_rows as (
    {% for table in side_tables() %}
    select
        '{{ table }}' as table_name,
        count(*) as read_count
    from {{ source('raw', table) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

rows_left_out as (
    {% for table in side_tables() %}
    select
        '{{ table }}' as table_name,
        count(*) as left_out_count,
        count(case when rejection_rule not in ('duplicate', 'deleted') then 1 end) as rejected_count
    from {{ ref('base_' ~ table) }}
    where rejection_rule is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

counts as (
    select
        read_rows.table_name,
        read_rows.read_count,
        rows_left_out.left_out_count,
        rows_left_out.rejected_count
    from read_rows
    inner join rows_left_out on read_rows.table_name = rows_left_out.table_name
),

judged_counts as (
    select
        counts.table_name,
        coalesce(own.on_breach, defaults.on_breach) as on_breach,
        case
            when counts.rejected_count > 0 and counts.read_count = counts.left_out_count then 'all_rejected'
            when settings.accept_rejects then null
            when
                counts.rejected_count > coalesce(own.max_rejected_rows, defaults.max_rejected_rows)
                and counts.rejected_count
                > coalesce(own.max_rejected_share, defaults.max_rejected_share) * counts.read_count
                then 'too_many_rejected'
        end as null_reason
    from counts
    cross join settings
    inner join reject_limits as defaults on defaults.table_name = '*'
    left join reject_limits as own on counts.table_name = own.table_name
),

-- A table that stops the run when it breaks is published all the same when somebody accepts that: then nothing may be
-- left of it.
final as (
    select
        table_name,
        null_reason
    from judged_counts
    where null_reason is not null and (on_breach = 'withhold' or null_reason = 'all_rejected')
)

select * from final
