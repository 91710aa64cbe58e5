{#
  The grain that a model's description promises: no two rows share these columns, and none of them is null. Rows as they
  came have no key yet: with `may_be_null` nulls are alike, as any other value.
#}
{% test unique_grain(model, columns, may_be_null=false) %}

with keys as (
    select
        {% for column in columns %}
        {{ column }} as key_{{ loop.index }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ model }}
)

select
    {% for column in columns %}
    key_{{ loop.index }},
    {% endfor %}
    count(*) as row_count
from keys
group by {% for column in columns %}key_{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %}
having
    count(*) > 1
    {% for column in columns if not may_be_null %}
    or key_{{ loop.index }} is null
    {% endfor %}

{% endtest %}
