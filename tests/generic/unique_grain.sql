{# The grain that a model's description promises: no two rows share these columns, and none of them is null. #}
{% test unique_grain(model, columns) %}

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
    {% for column in columns %}
    or key_{{ loop.index }} is null
    {% endfor %}

{% endtest %}
