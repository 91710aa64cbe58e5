with int_item_spans as (
    select * from {{ ref('int_item_spans') }}
),

int_item_terms as (
    select * from {{ ref('int_item_terms') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

local_spans as (
    select
        int_item_spans.item_version_id,
        int_item_spans.term_from_at,
        int_item_spans.is_paused,
        int_item_spans.from_at,
        int_item_spans.to_at,
        settings.as_of_date,
        {{ local_date('int_item_spans.from_at', 'settings.time_zone') }} as from_on,
        {{ local_date('int_item_spans.to_at', 'settings.time_zone') }} as to_on
    from int_item_spans
    cross join settings
),

-- What lies after the as-of date has not happened: such a start is left out, such an end is open.
known_spans as (
    select
        item_version_id,
        term_from_at,
        is_paused,
        from_at,
        from_on,
        case when to_on <= as_of_date then to_at end as to_at,
        case when to_on <= as_of_date then to_on end as to_on
    from local_spans
    where from_on <= as_of_date
),

final as (
    select
        int_item_terms.account_id,
        int_item_terms.item_version_id,
        int_item_terms.subscription_item_id,
        int_item_terms.subscription_id,
        int_item_terms.product_id,
        int_item_terms.product_family,
        int_item_terms.currency,
        int_item_terms.tier_rank,
        int_item_terms.quantity,
        int_item_terms.unit_numerator,
        int_item_terms.list_numerator,
        int_item_terms.discount_numerator,
        int_item_terms.monthly_numerator,
        int_item_terms.monthly_denominator,
        {{ month_index('known_spans.from_on') }} as from_month_index,
        {{ month_index('known_spans.to_on') }} as to_month_index,
        known_spans.is_paused,
        known_spans.from_at,
        known_spans.to_at,
        known_spans.from_on,
        known_spans.to_on
    from known_spans
    inner join int_item_terms
        on
            known_spans.item_version_id = int_item_terms.item_version_id
            and known_spans.term_from_at = int_item_terms.from_at
)

select * from final
