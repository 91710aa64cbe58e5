{# Dates and time zones, the same on every engine. Timestamps are UTC without zone; the clock is never read. #}

{% macro local_timestamp(utc_timestamp, time_zone) -%}
    {{ return(adapter.dispatch('local_timestamp', 'keizoku')(utc_timestamp, time_zone)) }}
{%- endmacro %}

{% macro default__local_timestamp(utc_timestamp, time_zone) -%}
    cast(timezone({{ time_zone }}, timezone('UTC', {{ utc_timestamp }})) as timestamp)
{%- endmacro %}

{% macro spark__local_timestamp(utc_timestamp, time_zone) -%}
    from_utc_timestamp({{ utc_timestamp }}, {{ time_zone }})
{%- endmacro %}

{% macro local_date(utc_timestamp, time_zone) -%}
    cast({{ local_timestamp(utc_timestamp, time_zone) }} as date)
{%- endmacro %}

{#
  The first instant of a local day, in UTC. A midnight that comes twice, since clocks are set back to it or across it,
  is the first of both; of one that never comes, since clocks are set forward there, it is the instant of the change.
#}
{% macro utc_midnight(local_day, time_zone) -%}
    {{ return(adapter.dispatch('utc_midnight', 'keizoku')(local_day, time_zone)) }}
{%- endmacro %}

{# DuckDB and PostgreSQL take the second of two: what the clocks of the day before say is tried, too. #}
{% macro default__utc_midnight(local_day, time_zone) -%}
    {%- set as_read = "cast(timezone('UTC', timezone(" ~ time_zone ~ ", cast(" ~ local_day ~ " as timestamp))) as timestamp)" -%}
    {%- set day_before = "(cast(" ~ local_day ~ " as timestamp) - interval '1 day')" -%}
    {%- set by_then = "(" ~ day_before ~ " - " ~ local_timestamp(day_before, time_zone) ~ " + cast(" ~ local_day ~ " as timestamp))" -%}
    case
            when {{ local_date(by_then, time_zone) }} >= {{ local_day }} then least({{ by_then }}, {{ as_read }})
            else {{ as_read }}
        end
{%- endmacro %}

{% macro spark__utc_midnight(local_day, time_zone) -%}
    to_utc_timestamp(cast({{ local_day }} as timestamp), {{ time_zone }})
{%- endmacro %}

{% macro month_start(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{% macro month_index(day) -%}
    (cast(extract(year from {{ day }}) as integer) * 12 + cast(extract(month from {{ day }}) as integer) - 1)
{%- endmacro %}

{% macro add_months(day, months) -%}
    {{ return(adapter.dispatch('add_months', 'keizoku')(day, months)) }}
{%- endmacro %}

{% macro default__add_months(day, months) -%}
    cast({{ day }} + ({{ months }}) * interval '1 month' as date)
{%- endmacro %}

{% macro spark__add_months(day, months) -%}
    add_months({{ day }}, cast({{ months }} as integer))
{%- endmacro %}

{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch('add_days', 'keizoku')(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    cast({{ day }} + cast({{ days }} as integer) as date)
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
    date_add({{ day }}, cast({{ days }} as integer))
{%- endmacro %}

{% macro days_between(first_day, last_day) -%}
    {{ return(adapter.dispatch('days_between', 'keizoku')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__days_between(first_day, last_day) -%}
    cast({{ last_day }} - {{ first_day }} as integer)
{%- endmacro %}

{% macro spark__days_between(first_day, last_day) -%}
    datediff({{ last_day }}, {{ first_day }})
{%- endmacro %}

{% macro seconds_between(first_instant, last_instant) -%}
    {{ return(adapter.dispatch('seconds_between', 'keizoku')(first_instant, last_instant)) }}
{%- endmacro %}

{% macro default__seconds_between(first_instant, last_instant) -%}
    cast(floor(extract(epoch from ({{ last_instant }} - {{ first_instant }}))) as bigint)
{%- endmacro %}

{% macro duckdb__seconds_between(first_instant, last_instant) -%}
    cast((epoch_us({{ last_instant }}) - epoch_us({{ first_instant }})) // 1000000 as bigint)
{%- endmacro %}

{% macro spark__seconds_between(first_instant, last_instant) -%}
    cast((unix_micros({{ last_instant }}) - unix_micros({{ first_instant }})) div 1000000 as bigint)
{%- endmacro %}

{# The next local midnight when a UTC end is written inclusively (23:59:00 local time or later), else null. #}
{% macro next_midnight_when_inclusive(ended_at, time_zone) -%}
    case
        when
            extract(hour from {{ local_timestamp(ended_at, time_zone) }}) = 23
            and extract(minute from {{ local_timestamp(ended_at, time_zone) }}) = 59
            then {{ utc_midnight(add_days(local_date(ended_at, time_zone), 1), time_zone) }}
    end
{%- endmacro %}

{#
  Calendar months gone by at the end of a day, in 377,580ths of a month: that many divide evenly by every month's
  length. The days of one month are equal parts of it.
#}
{% macro elapsed_months(day) -%}
    {%- set month_days = "cast(extract(day from " ~ add_days(add_months(month_start(day), 1), -1) ~ ") as integer)" -%}
    (
        cast({{ month_index(day) }} as bigint) * 377580
        + cast(extract(day from {{ day }}) as integer) * {{ integer_divide('377580', month_days) }}
    )
{%- endmacro %}
