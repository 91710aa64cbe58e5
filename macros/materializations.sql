{# DuckDB's table and view without the detour by a second name: a build file is new and private, nobody reads it while
   it is written, and a rename, a backup and two drops a model are a third of a refresh. #}
{% materialization table, adapter='duckdb' %}
    {{ return(keizoku_create('table')) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {{ return(keizoku_create('view')) }}
{% endmaterialization %}

{# Spark works a view out anew at every use, and views that stand on views never end: there it is a table. #}
{% materialization view, adapter='spark' %}
    {{ return(materialization_table_spark()) }}
{% endmaterialization %}

{% macro keizoku_create(type) %}
    {% set existing = load_cached_relation(this) %}
    {% set target = this.incorporate(type=type) %}
    {{ run_hooks(pre_hooks) }}
    {% if existing is not none %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
    {% call statement('main') %}
        {{ create_view_as(target, compiled_code) if type == 'view' else create_table_as(False, target, compiled_code) }};
        {{ keizoku_comments(target) }}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmacro %}

{% macro keizoku_comments(relation) %}
    {% if config.persist_relation_docs() %}
        comment on {{ relation.type }} {{ relation }} is {{ duckdb_escape_comment(model.description) }};
    {% endif %}
    {% if config.persist_column_docs() %}
        {% for column in model.columns.values() %}
            comment on column {{ relation }}.{{ column.name }} is {{ duckdb_escape_comment(column.description) }};
        {% endfor %}
    {% endif %}
{% endmacro %}
