{{ storage(timestamp='last_touch_at', cluster='person_id') }}

with conversions as (
    select * from {{ ref('int_conversions') }}
),

touchpoints as (
    select * from {{ ref('int_touchpoints') }}
),

within_lookback as (
    select
        conversions.conversion_id,
        touchpoints.channel,
        {{ 'touchpoints.touch_date' if var('collapse_same_channel_day') else 'touchpoints.touch_number' }} as step_key,
        touchpoints.touch_number,
        touchpoints.touch_at
    from conversions
    inner join touchpoints
        on touchpoints.person_id = conversions.person_id
        and touchpoints.touch_at <= conversions.conversion_at
        and conversions.conversion_at <= {{ later('touchpoints.touch_at', var('lookback_days'), 'day') }}
),

steps as (
    select
        conversion_id,
        channel,
        min(touch_number) as first_touch_number,
        max(touch_number) as last_touch_number,
        min(touch_at) as first_touch_at,
        max(touch_at) as last_touch_at,
        count(*) as touch_count
    from within_lookback
    group by conversion_id, channel, step_key
),

described as (
    select
        conversions.conversion_id,
        conversions.person_id,
        row_number() over (
            partition by conversions.conversion_id order by steps.first_touch_number
        ) as step_number,
        row_number() over (
            partition by conversions.conversion_id order by steps.last_touch_number
        ) as last_touch_rank,
        steps.channel,
        steps.first_touch_at,
        steps.last_touch_at,
        steps.touch_count,
        first_touch.touchpoint_id,
        first_touch.source,
        first_touch.medium,
        first_touch.campaign,
        last_touch.touchpoint_id as last_touchpoint_id,
        last_touch.source as last_source,
        last_touch.medium as last_medium,
        last_touch.campaign as last_campaign
    from steps
    inner join conversions on conversions.conversion_id = steps.conversion_id
    inner join touchpoints as first_touch
        on first_touch.person_id = conversions.person_id and first_touch.touch_number = steps.first_touch_number
    inner join touchpoints as last_touch
        on last_touch.person_id = conversions.person_id and last_touch.touch_number = steps.last_touch_number
),

-- nothing in the lookback: the conversion itself is the one step
unexplained as (
    select
        conversion_id,
        person_id,
        1 as step_number,
        1 as last_touch_rank,
        'Direct' as channel,
        conversion_at as first_touch_at,
        conversion_at as last_touch_at,
        0 as touch_count,
        conversion_id as touchpoint_id,
        '(direct)' as source,
        '(none)' as medium,
        cast(null as {{ type_text() }}) as campaign,
        conversion_id as last_touchpoint_id,
        '(direct)' as last_source,
        '(none)' as last_medium,
        cast(null as {{ type_text() }}) as last_campaign
    from conversions
    where
        not exists (
            select 1
            from steps
            where steps.conversion_id = conversions.conversion_id
        )
),

journeys as (
    select * from described
    union all
    select * from unexplained
)

select * from journeys
