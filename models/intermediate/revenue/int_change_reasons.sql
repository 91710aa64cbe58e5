with int_item_changes as (
    select * from {{ ref('int_item_changes') }}
),

unmatched_reasons as (
    select * from {{ ref('int_unmatched_reasons') }}
),

changes as (
    select
        int_item_changes.*,
        int_item_changes.after_mrr - int_item_changes.before_mrr as change_mrr,
        int_item_changes.after_mrr - int_item_changes.before_mrr - int_item_changes.seat_mrr
        - int_item_changes.unit_price_mrr - int_item_changes.discount_mrr as remainder_mrr,
        case when int_item_changes.before_product_id = int_item_changes.after_product_id then 'price' else 'tier' end
            as unit_price_reason,
        case
            when int_item_changes.is_matched and int_item_changes.is_pause then 'pause'
            else unmatched_reasons.reason
        end as whole_reason
    from int_item_changes
    left join unmatched_reasons
        on
            int_item_changes.account_id = unmatched_reasons.account_id
            and int_item_changes.month = unmatched_reasons.month
            and coalesce(int_item_changes.before_item_id, '') = coalesce(unmatched_reasons.before_item_id, '')
            and coalesce(int_item_changes.after_item_id, '') = coalesce(unmatched_reasons.after_item_id, '')
),

final as (
    select
        account_id,
        coalesce(before_item_id, '') || ' ' || coalesce(after_item_id, '') as pair_key,
        whole_reason,
        unit_price_reason,
        change_mrr,
        unit_price_mrr
        + case when unit_price_mrr <> 0 or (seat_mrr = 0 and discount_mrr = 0) then remainder_mrr else 0 end
            as unit_price_mrr,
        seat_mrr + case when unit_price_mrr = 0 and seat_mrr <> 0 then remainder_mrr else 0 end as seat_mrr,
        discount_mrr
        + case when unit_price_mrr = 0 and seat_mrr = 0 and discount_mrr <> 0 then remainder_mrr else 0 end
            as discount_mrr,
        month
    from changes
)

select * from final
