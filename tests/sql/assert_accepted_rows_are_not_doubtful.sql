-- Rows were accepted though something about them does not add up: a subscription is paused and no pause says since
-- when, or it renews one that nobody knows. Figures count them as they stand. Whoever delivers subscriptions looks.
{{ config(severity='warn') }}

select * from {{ ref('row_warnings') }}
where warning in ('paused_without_pause', 'unknown_replaced_subscription')
