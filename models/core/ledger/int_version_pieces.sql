with versions as (
    select * from {{ ref('stg_subscription_item_versions') }}
),

-- Who became known later takes over where both hold; nothing recorded is the earliest.
corrections as (
    select
        versions.item_version_id,
        versions.valid_from,
        versions.valid_to,
        later.valid_from as later_from,
        later.valid_to as later_to
    from versions
    inner join versions as later
        on
            versions.subscription_item_id = later.subscription_item_id
            and coalesce(versions.recorded_at, cast('0001-01-01' as timestamp)) < later.recorded_at
            and (later.valid_to is null or versions.valid_from < later.valid_to)
            and (versions.valid_to is null or versions.valid_to > later.valid_from)
    where
        (versions.valid_to is null or versions.valid_from < versions.valid_to)
        and (later.valid_to is null or later.valid_from < later.valid_to)
),

-- A version may go on where a correction ends.
starts as (
    select
        item_version_id,
        valid_from as piece_from
    from versions
    union distinct
    select
        item_version_id,
        later_to as piece_from
    from corrections
    where later_to > valid_from and (valid_to is null or later_to < valid_to)
),

pieces as (
    select
        starts.item_version_id,
        starts.piece_from,
        count(corrections.item_version_id) > 0 as is_superseded,
        min(case when corrections.later_from > starts.piece_from then corrections.later_from end) as next_from,
        max(
            case
                when
                    corrections.later_from <= starts.piece_from
                    and (corrections.later_to is null or corrections.later_to > starts.piece_from) then 1
                else 0
            end
        ) as is_covered
    from starts
    left join corrections on starts.item_version_id = corrections.item_version_id
    group by starts.item_version_id, starts.piece_from
),

final as (
    select
        versions.item_version_id,
        versions.subscription_item_id,
        versions.subscription_id,
        pieces.is_superseded,
        versions.is_from_plain_day and pieces.piece_from = versions.valid_from as is_from_plain_day,
        versions.is_to_plain_day and coalesce(pieces.next_from >= versions.valid_to, true) as is_to_plain_day,
        coalesce(pieces.next_from < coalesce(versions.valid_to, cast('9999-12-31' as timestamp)), false) as is_cut,
        pieces.piece_from as valid_from,
        least(versions.valid_to, pieces.next_from) as valid_to
    from pieces
    inner join versions on pieces.item_version_id = versions.item_version_id
    where pieces.is_covered = 0
)

select * from final
