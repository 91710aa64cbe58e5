with int_item_changes as (
    select * from {{ ref('int_item_changes') }}
),

other_sides as (
    select
        account_id,
        month,
        before_product_id as product_id,
        before_family as product_family,
        true as is_before
    from int_item_changes
    where before_item_id is not null

    union all

    select
        account_id,
        month,
        after_product_id as product_id,
        after_family as product_family,
        false as is_before
    from int_item_changes
    where after_item_id is not null
),

-- Why an item without partner came or went: its family, its product or only the item is new to the other side.
final as (
    select
        changes.account_id,
        changes.month,
        changes.before_item_id,
        changes.after_item_id,
        case
            when count(other_sides.product_id) = 0 then 'cross_sell'
            when
                max(
                    case
                        when other_sides.product_id = coalesce(changes.before_product_id, changes.after_product_id)
                            then 1
                        else 0
                    end
                ) = 0 then 'tier'
            else 'seat'
        end as reason
    from int_item_changes as changes
    left join other_sides
        on
            changes.account_id = other_sides.account_id
            and changes.month = other_sides.month
            and coalesce(changes.before_family, changes.after_family) = other_sides.product_family
            and other_sides.is_before = (changes.before_item_id is null)
    where not changes.is_matched
    group by changes.account_id, changes.month, changes.before_item_id, changes.after_item_id
)

select * from final
