with int_health_customers as (
    select * from {{ ref('int_health_customers') }}
),

stg_support_tickets as (
    select * from {{ ref('stg_support_tickets') }}
),

int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

tickets as (
    select
        int_account_roots.root_account_id as account_id,
        stg_support_tickets.ticket_id,
        stg_support_tickets.opened_at,
        stg_support_tickets.resolved_at,
        stg_support_tickets.opened_on,
        stg_support_tickets.resolved_on
    from stg_support_tickets
    inner join int_account_roots
        on
            stg_support_tickets.account_id = int_account_roots.account_id
            and not int_account_roots.is_excluded
    where {{ none_is_withheld(['support_tickets']) }}
),

-- A ticket not resolved by then has taken until then.
durations as (
    select
        tickets.account_id,
        tickets.ticket_id,
        customers.month,
        case
            when tickets.resolved_on <= customers.scored_on
                then {{ seconds_between('tickets.opened_at', 'tickets.resolved_at') }}
            else {{ seconds_between('tickets.opened_at', 'customers.period_end_at') }}
        end as open_seconds
    from int_health_customers as customers
    cross join settings
    inner join tickets
        on
            customers.account_id = tickets.account_id
            and tickets.opened_on between {{ add_days('customers.scored_on', '1 - settings.support_window_days') }}
            and customers.scored_on
),

ranked as (
    select
        account_id,
        month,
        open_seconds,
        row_number() over (partition by account_id, month order by open_seconds asc, ticket_id asc) as duration_rank,
        count(*) over (partition by account_id, month) as ticket_count
    from durations
),

-- The median is the mean of the middle one or two, kept as a fraction: hours = middle_seconds / middle_hour_seconds.
final as (
    select
        account_id,
        cast(sum(open_seconds) as bigint) as middle_seconds,
        cast(count(*) * 3600 as bigint) as middle_hour_seconds,
        month
    from ranked
    where 2 * duration_rank between ticket_count and ticket_count + 2
    group by account_id, month
)

select * from final
