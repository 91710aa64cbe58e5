-- A table has no new rows, or far fewer than in the weeks before: its feed may have stopped. Figures are published and
-- marked as stale. Whoever runs the feed acts; expectations stand in seeds/freshness_expectations.csv.
{{ config(severity='warn') }}

select * from {{ ref('freshness') }}
where (is_stale or is_low_volume) and severity = 'warn'
