-- Per conversion and model the credits sum to exactly 1.
select
    conversion_id,
    attribution_model,
    sum(credit) as credits
from {{ ref('int_attribution_credits') }}
group by 1, 2
having sum(credit) <> 1
