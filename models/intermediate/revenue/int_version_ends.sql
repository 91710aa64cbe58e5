with stg_subscription_item_versions as (
    select * from {{ ref('stg_subscription_item_versions') }}
),

settings as (
    select * from {{ ref('stg_run_settings') }}
),

ends as (
    select
        versions.item_version_id,
        versions.subscription_item_id,
        versions.valid_to,
        {{ next_midnight_when_inclusive('versions.valid_to', 'settings.time_zone') }} as midnight_at
    from stg_subscription_item_versions as versions
    cross join settings
    where versions.valid_to is not null
),

ends_followed_by_a_version as (
    select distinct ends.item_version_id
    from ends
    inner join stg_subscription_item_versions as versions
        on
            ends.subscription_item_id = versions.subscription_item_id
            and ends.valid_to <= versions.valid_from
            and ends.midnight_at > versions.valid_from
),

final as (
    select
        ends.item_version_id,
        case
            when ends_followed_by_a_version.item_version_id is null then coalesce(ends.midnight_at, ends.valid_to)
            else ends.valid_to
        end as valid_to
    from ends
    left join ends_followed_by_a_version on ends.item_version_id = ends_followed_by_a_version.item_version_id
)

select * from final
