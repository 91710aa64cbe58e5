-- A customer's MRR of a closed month is another one today, and nothing that was locked says why: the code moved it, or
-- a seed without a new policy_version. Published all the same; a developer of the ledger acts, and finance decides.
{{ config(severity='warn') }}

select * from {{ ref('restatements') }}
where reason = 'unexplained'
