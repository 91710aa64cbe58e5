{#
  Items of customers that expanded or contracted, matched between two month ends: same item and family, then same
  product, then same family; several candidates pair in the order of their item ids. A side without partner is null.
#}
with int_item_months as (
    select * from {{ ref('int_item_months') }}
),

changed_months as (
    select * from {{ ref('int_account_months') }}
    where movement_type in ('expansion', 'contraction')
),

{% for side, lag in [('before', 1), ('after', 0)] %}
{{ side }}_items as (
    select
        changed_months.account_id,
        changed_months.month,
        items.subscription_item_id,
        items.product_id,
        items.product_family
    from changed_months
    inner join int_item_months as items
        on
            changed_months.account_id = items.account_id
            and items.month = {{ add_months('changed_months.month', -lag) }}
),
{% endfor %}

{% for step, previous, columns in [
    ('item', '', ['subscription_item_id', 'product_family']),
    ('product', 'item', ['product_id']),
    ('family', 'product', ['product_family']),
] %}
{% for side in ['before', 'after'] %}
{{ side }}_{{ step }} as (
    select
        items.*,
        row_number() over (
            partition by items.account_id, items.month, items.{{ columns | join(', items.') }}
            order by items.subscription_item_id
        ) as candidate
    from {{ side }}_{{ previous ~ '_rest' if previous else 'items' }} as items
),
{% endfor %}

{{ step }}_pairs as (
    select
        {% for column in ['account_id', 'month'] %}
        coalesce(before_{{ step }}.{{ column }}, after_{{ step }}.{{ column }}) as {{ column }},
        {% endfor %}
        before_{{ step }}.subscription_item_id as before_item_id,
        after_{{ step }}.subscription_item_id as after_item_id
    from before_{{ step }}
    full outer join after_{{ step }}
        on
            before_{{ step }}.candidate = after_{{ step }}.candidate
            {% for column in ['account_id', 'month'] + columns %}
            and before_{{ step }}.{{ column }} = after_{{ step }}.{{ column }}
            {% endfor %}
),

{% for side in ['before', 'after'] if step != 'family' %}
{{ side }}_{{ step }}_rest as (
    select items.*
    from {{ side }}_items as items
    inner join {{ step }}_pairs as pairs
        on
            items.account_id = pairs.account_id
            and items.month = pairs.month
            and items.subscription_item_id = pairs.{{ side }}_item_id
    where pairs.{{ 'after' if side == 'before' else 'before' }}_item_id is null
),
{% endfor %}
{% endfor %}

final as (
    {% for step in ['item', 'product', 'family'] %}
    select * from {{ step }}_pairs
    {% if not loop.last %}
    where before_item_id is not null and after_item_id is not null

    union all

    {% endif %}
    {% endfor %}
)

select * from final
