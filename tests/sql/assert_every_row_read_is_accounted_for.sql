-- A raw row vanished or was counted twice between raw and staging: a base or staging model joins or filters wrongly.
-- Whoever changed the model acts; nothing is published.
with row_counts as (
    select * from {{ ref('row_counts') }}
)

select
    row_counts.*,
    row_counts.read - row_counts.accepted - row_counts.rejected - row_counts.deleted - row_counts.duplicate as lost
from row_counts
where row_counts.read <> row_counts.accepted + row_counts.rejected + row_counts.deleted + row_counts.duplicate
