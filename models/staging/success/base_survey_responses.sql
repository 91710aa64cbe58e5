with raw_rows as (
    select * from {{ source('raw', 'survey_responses') }}
),

stg_run_settings as (
    select * from {{ ref('stg_run_settings') }}
),

stg_accounts as (
    select * from {{ ref('stg_accounts') }}
),

standing as (
    select
        raw_rows.*,
        {{ copy_number('survey_responses') }} as copy_number,
        {{ key_standing('survey_responses', ['response_id']) }} as key_standing
    from raw_rows
),

final as (
    select
        standing.*,
        case
            when standing.key_standing in ('duplicate', 'deleted') then standing.key_standing
            {{ value_rules('survey_responses') }}
            when standing.key_standing = 'conflicting_key' then 'conflicting_key'
            when standing.score < standing.scale_min or standing.score > standing.scale_max then 'score_out_of_scale'
            when not (
                (standing.survey_type = 'nps' and standing.scale_min = 0 and standing.scale_max = 10)
                or (standing.survey_type = 'csat' and standing.scale_min = 1 and standing.scale_max = 5)
                or (standing.survey_type = 'ces' and standing.scale_min = 1 and standing.scale_max = 7)
            ) then 'unknown_scale'
            when stg_accounts.account_id is null then 'unknown_account'
        end as rejection_rule
    from standing
    cross join stg_run_settings as settings
    left join stg_accounts on standing.account_id = stg_accounts.account_id
)

select * from final
