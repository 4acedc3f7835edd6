-- No step's touch comes after its conversion or before the lookback.
select
    journeys.conversion_id,
    journeys.step_number,
    journeys.first_touch_at,
    journeys.last_touch_at,
    conversions.conversion_at
from {{ ref('int_user_journeys') }} as journeys
inner join {{ ref('int_conversions') }} as conversions on conversions.conversion_id = journeys.conversion_id
where journeys.last_touch_at > conversions.conversion_at
    or conversions.conversion_at > {{ later('journeys.first_touch_at', var('lookback_days'), 'day') }}
