-- A table that stops a run lost more rows to the acceptance rules than seeds/reject_limits.csv allows, or all of them,
-- or an internal user was lost whose events would count now: what is left may not be the company any more. Whoever
-- delivers the table acts; KEIZOKU_ACCEPT_REJECTS=1 publishes all the same.
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

-- A pause of a subscription that does not count raises nothing.
harmless as (
    select count(*) as row_count
    from quarantined_rows
    where table_name = 'subscription_pauses' and rule = 'unknown_subscription'
),

lost_internal_users as (
    select count(*) as row_count
    from {{ ref('base_users') }}
    where rejection_rule not in ('duplicate', 'deleted', 'unknown_account') and coalesce(is_internal, true)
),

counted as (
    select
        row_counts.table_name,
        row_counts.read,
        row_counts.accepted,
        row_counts.rejected,
        case
            when row_counts.table_name = 'subscription_pauses' then row_counts.rejected - harmless.row_count
            else row_counts.rejected
        end as harmful,
        case when row_counts.table_name = 'users' then lost_internal_users.row_count else 0 end as internal_users
    from row_counts
    cross join harmless
    cross join lost_internal_users
)

select
    counted.table_name,
    counted.read,
    counted.rejected,
    {{ exact_ratio('counted.rejected', 'counted.read') }} as share_rejected,
    counted.accepted = 0 as are_all_rejected
from counted
cross join settings
cross join reject_limits as defaults
left join reject_limits as own on counted.table_name = own.table_name
where
    defaults.table_name = '*'
    and not settings.accept_rejects
    and (
        (
            coalesce(own.on_breach, defaults.on_breach) = 'stop'
            and counted.harmful > coalesce(own.max_rejected_rows, defaults.max_rejected_rows)
            and counted.harmful > coalesce(own.max_rejected_share, defaults.max_rejected_share) * counted.read
        )
        or (coalesce(own.on_breach, defaults.on_breach) = 'stop' and counted.rejected > 0 and counted.accepted = 0)
        or counted.internal_users > 0
    )
order by counted.rejected desc, counted.table_name asc
