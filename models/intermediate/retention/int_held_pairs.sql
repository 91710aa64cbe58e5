{#
  Items held (in force and not paused) at both ends of a twelve-month window, matched by item id, then by product in
  the order of item ids.
#}
with held_items as (
    select * from {{ ref('int_item_months') }}
    where not is_paused
),

same_item as (
    select
        now_items.account_id,
        then_items.subscription_item_id as then_item_id,
        now_items.subscription_item_id as now_item_id,
        now_items.month_index
    from held_items as then_items
    inner join held_items as now_items
        on
            then_items.account_id = now_items.account_id
            and then_items.subscription_item_id = now_items.subscription_item_id
            and then_items.month_index + 12 = now_items.month_index
),

{% for side, shift in [('then', 12), ('now', 0)] %}
{{ side }}_rest as (
    select
        items.account_id,
        items.product_id,
        items.subscription_item_id,
        items.month_index + {{ shift }} as month_index,
        row_number() over (
            partition by items.account_id, items.month_index, items.product_id order by items.subscription_item_id
        ) as candidate
    from held_items as items
    left join same_item
        on
            items.account_id = same_item.account_id
            and items.subscription_item_id = same_item.{{ side }}_item_id
            and items.month_index + {{ shift }} = same_item.month_index
    where same_item.account_id is null
),
{% endfor %}

final as (
    select * from same_item

    union all

    select
        then_rest.account_id,
        then_rest.subscription_item_id as then_item_id,
        now_rest.subscription_item_id as now_item_id,
        then_rest.month_index
    from then_rest
    inner join now_rest
        on
            then_rest.account_id = now_rest.account_id
            and then_rest.month_index = now_rest.month_index
            and then_rest.product_id = now_rest.product_id
            and then_rest.candidate = now_rest.candidate
)

select * from final
