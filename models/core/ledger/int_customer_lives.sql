with int_paid_spans as (
    select * from {{ ref('int_paid_spans') }}
),

-- First instants after a gap in a customer's MRR: an island of paid time begins where nothing reaches from before.
reaches as (
    select
        account_id,
        item_version_id,
        from_at,
        to_at,
        from_on,
        to_on,
        max(coalesce(to_at, cast('9999-12-31' as timestamp))) over (
            partition by account_id
            order by from_at, item_version_id
            rows between unbounded preceding and 1 preceding
        ) as reached_at
    from int_paid_spans
),

islands as (
    select
        reaches.*,
        sum(case when reached_at is null or reached_at < from_at then 1 else 0 end) over (
            partition by account_id
            order by from_at, item_version_id
            rows between unbounded preceding and current row
        ) as island
    from reaches
),

final as (
    select
        account_id,
        min(from_on) as started_on,
        case when count(*) = count(to_on) then max(to_on) end as first_zero_on
    from islands
    where island = 1
    group by account_id
)

select * from final
