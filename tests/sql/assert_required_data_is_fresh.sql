-- A table that must be fresh (severity `error` in seeds/freshness_expectations.csv) is late or nearly empty: the
-- company would rather keep its last figures. Whoever runs the feed acts.
select * from {{ ref('freshness') }}
where (is_stale or is_low_volume) and severity = 'error'
