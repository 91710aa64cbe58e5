-- A table lost more rows to the acceptance rules than seeds/reject_limits.csv allows: what is left may not be the
-- company any more. Whoever delivers the table acts; KEIZOKU_ACCEPT_REJECTS=1 publishes all the same.

with row_counts as (
    select * from {{ ref('row_counts') }}
),

quarantined_rows as (
    select * from {{ ref('quarantined_rows') }}
),

reject_limits as (
    select * from {{ ref('reject_limits') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

stakes as (
    select max(mrr_at_stake) as mrr_at_stake from {{ ref('mrr_at_stake') }}
),

exceeded as (
    select
        row_counts.table_name,
        row_counts.read,
        row_counts.rejected,
        {{ exact_ratio('row_counts.rejected', 'row_counts.read') }}
            as share
    from row_counts
    cross join settings
    cross join reject_limits as defaults
    left join reject_limits as own on row_counts.table_name = own.table_name
    where
        defaults.table_name = '*'
        and not settings.accept_rejects
        and row_counts.rejected > coalesce(own.max_rejected_rows, defaults.max_rejected_rows)
        and row_counts.rejected > coalesce(own.max_rejected_share, defaults.max_rejected_share) * row_counts.read
),

rule_counts as (
    select
        table_name,
        rule,
        count(*) as row_count
    from quarantined_rows
    group by table_name, rule
),

ranked_rules as (
    select
        table_name,
        rule || ' ' || cast(row_count as varchar) as text,
        row_number() over (partition by table_name order by row_count desc, rule asc) as place
    from rule_counts
),

rules as (
    select
        table_name,
        {% for place in range(1, 7) %}
        {{ '||' if not loop.first }}
        coalesce(max(case when place = {{ place }} then '{{ ', ' if not loop.first }}' || text end), '')  -- noqa: LT05
        {% endfor %}
            as rules
    from ranked_rules
    group by table_name
),

first_keys as (
    select
        table_name,
        left(row_key, 100) as row_key,
        number_in_table as place
    from quarantined_rows
),

sample_keys as (
    select
        table_name,
        {% for place in range(1, 4) %}
        {{ '||' if not loop.first }}
        coalesce(max(case when place = {{ place }} then '{{ ', ' if not loop.first }}' || row_key end), '')  -- noqa: LT05
        {% endfor %}
            as sample_keys
    from first_keys
    group by table_name
)

select
    exceeded.table_name,
    exceeded.read,
    exceeded.rejected,
    cast(exceeded.share as decimal(18, 4)) as share_rejected,
    rules.rules,
    stakes.mrr_at_stake as mrr_at_stake_of_all_tables,
    sample_keys.sample_keys
from exceeded
cross join stakes
inner join rules on exceeded.table_name = rules.table_name
inner join sample_keys on exceeded.table_name = sample_keys.table_name
