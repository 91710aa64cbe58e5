-- A table lost so many rows that whatever needs it is published as null, with the reason, instead of a figure that is
-- too low or too high. Everything else is published. Whoever delivers the table mends it at the source; the rows stand
-- in audit.quarantined_rows.
{{ config(severity='warn') }}

select
    table_name,
    withheld_reason,
    read,
    rejected
from {{ ref('row_counts') }}
where withheld_reason is not null
