-- A row means that a table lost rows to the acceptance rules, though not so many that the run stops, or somebody has
-- accepted that: whatever they held is in no figure. Whoever delivers the table mends them at the source; they stand in
-- audit.quarantined_rows.
{{ config(severity='warn') }}

select
    table_name,
    read,
    rejected
from {{ ref('row_counts') }}
where rejected > 0
