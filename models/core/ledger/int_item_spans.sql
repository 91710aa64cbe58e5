with int_item_terms as (
    select * from {{ ref('int_item_terms') }}
),

int_renewals as (
    select * from {{ ref('int_renewals') }}
),

pauses as (
    select * from {{ ref('stg_subscription_pauses') }}
),

-- A late renewal carries what is in force to the end over the gap; from an early one on the old one carries nothing.
renewed_terms as (
    select
        int_item_terms.item_version_id,
        int_item_terms.subscription_id,
        int_item_terms.from_at,
        case
            when int_item_terms.to_at = int_renewals.ended_at and int_renewals.is_after_end
                then int_renewals.renewed_at
            when int_renewals.is_after_end then int_item_terms.to_at
            else least(int_item_terms.to_at, int_renewals.renewed_at)
        end as to_at
    from int_item_terms
    left join int_renewals on int_item_terms.subscription_id = int_renewals.subscription_id
),

carried_terms as (
    select * from renewed_terms
    where to_at is null or from_at < to_at
),

cuts as (
    select
        item_version_id,
        from_at,
        from_at as cut_at
    from carried_terms

    union distinct

    select
        carried_terms.item_version_id,
        carried_terms.from_at,
        pauses.paused_from as cut_at
    from carried_terms
    inner join pauses on carried_terms.subscription_id = pauses.subscription_id
    where
        pauses.paused_from > carried_terms.from_at
        and (carried_terms.to_at is null or pauses.paused_from < carried_terms.to_at)

    union distinct

    select
        carried_terms.item_version_id,
        carried_terms.from_at,
        pauses.paused_to as cut_at
    from carried_terms
    inner join pauses on carried_terms.subscription_id = pauses.subscription_id
    where
        pauses.paused_to > carried_terms.from_at
        and (carried_terms.to_at is null or pauses.paused_to < carried_terms.to_at)
),

pieces as (
    select
        item_version_id,
        from_at,
        cut_at,
        lead(cut_at) over (partition by item_version_id, from_at order by cut_at) as next_cut_at
    from cuts
),

final as (
    select
        pieces.item_version_id,
        pieces.from_at as term_from_at,
        pieces.cut_at as from_at,
        coalesce(pieces.next_cut_at, carried_terms.to_at) as to_at,
        max(case when pauses.subscription_id is null then 0 else 1 end) = 1 as is_paused
    from pieces
    inner join carried_terms
        on pieces.item_version_id = carried_terms.item_version_id and pieces.from_at = carried_terms.from_at
    left join pauses
        on
            carried_terms.subscription_id = pauses.subscription_id
            and pieces.cut_at >= pauses.paused_from
            and (pauses.paused_to is null or pieces.cut_at < pauses.paused_to)
    group by pieces.item_version_id, pieces.from_at, pieces.cut_at, coalesce(pieces.next_cut_at, carried_terms.to_at)
)

select * from final
