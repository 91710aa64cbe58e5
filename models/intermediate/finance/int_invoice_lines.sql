{% set whole_months = '(' ~ month_index('next_on') ~ ' - ' ~ month_index('service_from') ~ ')' %}
-- An item is what it was last sold as.
with items as (
    select
        versions.subscription_item_id,
        products.product_family,
        versions.billing_interval,
        case versions.billing_interval when 'year' then 12 else 1 end * versions.interval_count as interval_months,
        products.is_metered,
        products.is_recurring,
        row_number() over (
            partition by versions.subscription_item_id order by versions.valid_from desc, versions.item_version_id desc
        ) as recency
    from {{ ref('stg_subscription_item_versions') }} as versions
    inner join {{ ref('stg_products') }} as products on versions.product_id = products.product_id
    inner join {{ ref('stg_subscriptions') }} as subscriptions
        on versions.subscription_id = subscriptions.subscription_id
    cross join {{ ref('stg_run_settings') }} as settings
    where
        {{ local_date('versions.valid_from', 'settings.time_zone') }} <= settings.as_of_date
        and {{ local_date('subscriptions.started_at', 'settings.time_zone') }} <= settings.as_of_date
),

-- A void line is no claim, and one issued after the as-of date is not known.
known_lines as (
    select stg_invoice_lines.*
    from {{ ref('stg_invoice_lines') }} as stg_invoice_lines
    cross join {{ ref('stg_run_settings') }} as settings
    where stg_invoice_lines.status <> 'void' and stg_invoice_lines.issued_on <= settings.as_of_date
),

-- Where a bill of an item ends on the day that its next bill starts, it ends the day before. So does its last bill,
-- when the one before was read so.
bills as (
    select distinct
        subscription_item_id,
        service_from,
        service_to
    from known_lines
    where
        subscription_item_id is not null
        and not is_proration
        and credit_note_of is null
        and amount_ex_tax >= 0
        and service_from < service_to
),

shared_days as (
    select
        bills.subscription_item_id,
        bills.service_to as shared_on
    from bills
    inner join bills as followers
        on
            bills.subscription_item_id = followers.subscription_item_id
            and bills.service_to = followers.service_from
    union distinct
    select
        bills.subscription_item_id,
        bills.service_to as shared_on
    from bills
    inner join bills as earlier
        on bills.subscription_item_id = earlier.subscription_item_id and bills.service_from = earlier.service_to
    left join bills as later
        on bills.subscription_item_id = later.subscription_item_id and bills.service_from < later.service_from
    where later.subscription_item_id is null
),

lines as (
    select
        stg_invoice_lines.*,
        shared_days.shared_on is not null as is_read_as_day_before,
        stg_invoice_lines.credit_note_of is not null
        or (stg_invoice_lines.amount_ex_tax < 0 and not stg_invoice_lines.is_proration) as is_credit,
        roots.root_account_id,
        coalesce(items.product_family, 'unknown') as product_family,
        coalesce(items.billing_interval, 'month') as billing_interval,
        cast(least(coalesce(items.interval_months, 1), 120) as integer) as interval_months,
        case
            when items.is_metered then 'usage'
            when stg_invoice_lines.is_recurring and coalesce(items.is_recurring, true) then 'recurring'
            when stg_invoice_lines.credit_note_of is not null or stg_invoice_lines.amount_ex_tax < 0 then 'credit_note'
            else 'one_off'
        end as nature,
        case
            when shared_days.shared_on is not null then stg_invoice_lines.service_to
            else {{ add_days("least(stg_invoice_lines.service_to, cast('9998-12-31' as date))", 1) }}
        end as next_on
    from known_lines as stg_invoice_lines
    left join shared_days
        on
            stg_invoice_lines.subscription_item_id = shared_days.subscription_item_id
            and stg_invoice_lines.service_to = shared_days.shared_on
            and stg_invoice_lines.service_from < shared_days.shared_on
    inner join {{ ref('int_account_roots') }} as roots on stg_invoice_lines.account_id = roots.account_id
    left join items on stg_invoice_lines.subscription_item_id = items.subscription_item_id and items.recency = 1
    where not roots.is_excluded
),

final as (
    select
        invoice_line_id,
        invoice_id,
        root_account_id as account_id,
        subscription_item_id,
        -- A customer with a recurring line that names no item is held against its invoices as a whole.
        case
            when min(case when nature = 'recurring' and subscription_item_id is null then 0 else 1 end) over (
                partition by root_account_id
            ) = 1 then subscription_item_id
            else ''
        end as matched_item,
        product_family,
        currency,
        nature,
        amount_ex_tax,
        -- A month's worth is amount x months_numerator / months_denominator: of a whole number of months, else of the
        -- billing period that the line ends.
        case
            when billing_interval = 'week' then 364
            when billing_interval = 'day' then 365
            when {{ whole_months }} > 0 and {{ add_months('service_from', whole_months) }} = next_on then 1
            else {{ days_between(add_months('next_on', '-interval_months'), 'next_on') }}
        end as months_numerator,
        case
            when billing_interval in ('week', 'day') then 12 * {{ days_between('service_from', 'next_on') }}
            when {{ whole_months }} > 0 and {{ add_months('service_from', whole_months) }} = next_on
                then {{ whole_months }}
            else interval_months * {{ days_between('service_from', 'next_on') }}
        end as months_denominator,
        is_proration,
        is_credit,
        is_read_as_day_before,
        service_from,
        next_on
    from lines
)

select * from final
