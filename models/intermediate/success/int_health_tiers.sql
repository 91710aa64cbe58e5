with int_health_component_scores as (
    select * from {{ ref('int_health_component_scores') }}
),

int_health_versions as (
    select * from {{ ref('int_health_versions') }}
),

health_tiers as (
    select * from {{ ref('health_tiers') }}
),

sums as (
    select
        account_id,
        month,
        score_version,
        sum(case when score is not null then weight * score end) as weighted_score,
        coalesce(sum(case when score is not null then weight end), 0) as coverage
    from int_health_component_scores
    group by account_id, month, score_version
),

scores as (
    select
        account_id,
        score_version,
        cast(
            cast(
                {{ round_half_away(scaled('weighted_score', 8), 'nullif(' ~ scaled('coverage', 4) ~ ', 0)') }}
                as decimal(18, 0)
            ) * cast(0.0001 as decimal(5, 4)) as decimal(18, 4)
        ) as score,
        cast(coverage as decimal(18, 4)) as coverage,
        month
    from sums
),

candidates as (
    select
        scores.*,
        health_tiers.tier,
        health_tiers.lower_score,
        row_number() over (
            partition by scores.account_id, scores.month
            order by health_tiers.lower_score desc nulls last, health_tiers.tier asc
        ) as tier_rank
    from scores
    inner join int_health_versions on scores.month = int_health_versions.month
    left join health_tiers
        on
            int_health_versions.tiers_from = health_tiers.valid_from
            and scores.score >= health_tiers.lower_score
),

-- The tier that the score alone gives; null without a score.
final as (
    select
        account_id,
        score_version,
        tier,
        score,
        coverage,
        lower_score,
        month
    from candidates
    where tier_rank = 1
)

select * from final
