with int_accepted_rows as (
    select * from {{ ref('int_accepted_rows') }}
),

read_rows as (
    {% for table in contract_tables() %}
    select
        '{{ table }}' as table_name,
        count(*) as row_count
    from {{ source('raw', table) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

judged_rows as (
    {% for table in contract_tables() %}
    select
        '{{ table }}' as table_name,
        rejection_rule,
        count(*) as row_count
    from {{ ref('base_' ~ table) }}
    where rejection_rule is not null
    group by rejection_rule
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Accepted, though no figure knows them before the day that they were recorded.
unknown_rows as (
    select
        'subscription_item_versions' as table_name,
        count(*) as row_count
    from {{ ref('base_subscription_item_versions') }}
    where rejection_rule is null and not is_known
),

judged_counts as (
    select
        table_name,
        sum(case when rejection_rule in ('deleted', 'duplicate') then 0 else row_count end) as rejected_count,
        sum(case when rejection_rule = 'deleted' then row_count else 0 end) as deleted_count,
        sum(case when rejection_rule = 'duplicate' then row_count else 0 end) as duplicate_count
    from judged_rows
    group by table_name
),

stg_withheld_tables as (
    select * from {{ ref('stg_withheld_tables') }}
),

final as (
    select
        read_rows.table_name,
        cast(read_rows.row_count as bigint) as read,
        cast(int_accepted_rows.accepted_count + coalesce(unknown_rows.row_count, 0) as bigint) as accepted,
        cast(coalesce(judged_counts.rejected_count, 0) as bigint) as rejected,
        cast(coalesce(judged_counts.deleted_count, 0) as bigint) as deleted,
        cast(coalesce(judged_counts.duplicate_count, 0) as bigint) as duplicate,
        stg_withheld_tables.null_reason as withheld_reason
    from read_rows
    inner join int_accepted_rows on read_rows.table_name = int_accepted_rows.table_name
    left join unknown_rows on read_rows.table_name = unknown_rows.table_name
    left join judged_counts on read_rows.table_name = judged_counts.table_name
    left join stg_withheld_tables on read_rows.table_name = stg_withheld_tables.table_name
)

select * from final
