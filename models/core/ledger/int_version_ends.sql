with pieces as (
    select * from {{ ref('int_version_pieces') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

-- An end where a correction begins, or that of a version of no length, is nobody's last minute.
ends as (
    select
        pieces.item_version_id,
        pieces.subscription_item_id,
        pieces.valid_from,
        pieces.valid_to,
        pieces.is_to_plain_day,
        pieces.is_cut or pieces.valid_from >= pieces.valid_to as is_cut,
        {{ next_midnight_when_inclusive('pieces.valid_to', 'settings.time_zone') }} as midnight_at,
        {{ utc_midnight(add_days(local_date('pieces.valid_to', 'settings.time_zone'), 1), 'settings.time_zone') }}
            as day_after_at
    from pieces
    cross join settings
    where pieces.valid_to is not null
),

followed as (
    select
        ends.item_version_id,
        ends.valid_from,
        min(followers.valid_from) as next_from,
        min(case when followers.is_from_plain_day then followers.valid_from end) as next_plain_from
    from ends
    inner join pieces as followers
        on
            ends.subscription_item_id = followers.subscription_item_id
            and ends.valid_to <= followers.valid_from
            and (ends.item_version_id <> followers.item_version_id or ends.valid_from <> followers.valid_from)
    group by ends.item_version_id, ends.valid_from
),

final as (
    select
        ends.item_version_id,
        {{ end_reading('ends.is_to_plain_day', 'ends.is_cut') }} as end_reading,
        ends.valid_from,
        case {{ end_reading('ends.is_to_plain_day', 'ends.is_cut') }}
            when 'inclusive_day' then ends.day_after_at
            when 'inclusive_end' then ends.midnight_at
            else ends.valid_to
        end as valid_to
    from ends
    left join followed on ends.item_version_id = followed.item_version_id and ends.valid_from = followed.valid_from
)

select * from final
