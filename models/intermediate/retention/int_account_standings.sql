with recursive int_account_roots as (
    select * from {{ ref('int_account_roots') }}
),

-- Periods known by the as-of date; an end in the last minute of a day is the next midnight.
histories as (
    select
        parents.account_id,
        parents.parent_account_id,
        parents.valid_from_on,
        case
            when {{ next_midnight_when_inclusive('parents.valid_to', 'settings.time_zone') }} is not null
                then {{ add_days('parents.valid_to_on', 1) }}
            else parents.valid_to_on
        end as valid_to_on,
        row_number() over (partition by parents.account_id order by parents.valid_from) as period_number
    from {{ ref('stg_account_parents') }} as parents
    cross join {{ ref('stg_run_settings') }} as settings
    where
        parents.valid_from_on <= settings.as_of_date
        and (parents.valid_to is null or parents.valid_from < parents.valid_to)
),

-- Customers of whose accounts some history is told. All other accounts stand where they stood.
told_customers as (
    select distinct root_account_id
    from int_account_roots
    where
        account_id in (select account_id from histories)
        or account_id in (select parent_account_id from histories)
),

-- Read at a month's end; of an account that was not there yet, at the end of the day on which it came.
readings as (
    select
        accounts.account_id,
        accounts.parent_account_id as parent_today_id,
        dim_months.month_index,
        least(
            greatest(dim_months.period_end_on, {{ local_date('accounts.created_at', 'settings.time_zone') }}),
            settings.as_of_date
        ) as read_on
    from {{ ref('stg_accounts') }} as accounts
    inner join int_account_roots on accounts.account_id = int_account_roots.account_id
    inner join told_customers on int_account_roots.root_account_id = told_customers.root_account_id
    cross join {{ ref('dim_months') }} as dim_months
    cross join {{ ref('stg_run_settings') }} as settings
),

-- The latest period that had begun decides; an account of which nothing is told has today's parent.
parents_then as (
    select
        readings.account_id,
        readings.month_index,
        case
            when periods.account_id is null then readings.parent_today_id
            when periods.valid_from_on > readings.read_on or periods.valid_to_on <= readings.read_on then null
            else periods.parent_account_id
        end as parent_account_id,
        row_number() over (
            partition by readings.account_id, readings.month_index
            order by periods.valid_from_on <= readings.read_on desc nulls last, periods.period_number desc nulls last
        ) as recency
    from readings
    left join histories as periods on readings.account_id = periods.account_id
),

-- From the roots down: who stands in a ring of old and new parents is left out.
final as (
    select
        account_id,
        month_index,
        account_id as root_account_id
    from parents_then
    where parent_account_id is null and recency = 1

    union all

    select
        children.account_id,
        children.month_index,
        final.root_account_id
    from parents_then as children
    inner join final on children.parent_account_id = final.account_id and children.month_index = final.month_index
    where children.recency = 1
)

select * from final
