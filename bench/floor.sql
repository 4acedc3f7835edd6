-- The floor: first and last click and nothing else, by the same rules and with the default settings, in one DuckDB statement over the
-- raw events, as one would write it by hand. No channels, no other models, no tests, no incremental runs, no published tables.
with events as (
    select
        device_id, event_timestamp, batch_page_id, batch_ordering_id, batch_event_index, event_id, event_name,
        user_id, ga_session_id, value, transaction_id, referrer_host, referrer_domain, page_is_tagged,
        coalesce(page_domain, '') as page_domain, source, medium, campaign, first_user_source, first_user_medium, first_user_campaign,
        coalesce(first_user_source = '(direct)' or first_user_domain = page_domain, false) as first_user_is_void,
        coalesce((source = '(direct)' and coalesce(medium, '(none)') = '(none)') or source_domain = page_domain, false) as is_void,
        coalesce(campaign in ('(organic)', '(referral)'), false) as campaign_is_a_guess,
        coalesce(gclid, dclid, gbraid, wbraid) as google_ads_id,
        coalesce(gclid, dclid, gbraid, wbraid, msclkid, ttclid, srsltid, fbclid) as click_id,
        case when msclkid is not null then 'bing' when ttclid is not null then 'tiktok' when srsltid is not null then 'google' else 'facebook' end as other_click,
        case when coalesce(msclkid, ttclid) is not null then 'cpc' when srsltid is not null then 'organic' else 'referral' end as other_medium
    from ga4_events_raw
),

answered as (
    select
        *,
        case
            when click_id is not null and (
                campaign_is_a_guess
                or (campaign is null and (is_void or (source is null and medium is null)))
                or (google_ads_id is not null and source = 'google' and medium = 'organic' and not is_void)
            ) then 1
            when not is_void and (source is not null or medium is not null or (campaign is not null and not campaign_is_a_guess)) then 2
            when not page_is_tagged and referrer_domain <> page_domain
                and referrer_host not in ('paypal.com', 'checkout.stripe.com') and not ends_with(referrer_host, '.paypal.com') then 3
        end as rule
    from events
),

said as (
    select
        answered.*,
        case rule
            when 1 then case when google_ads_id is not null then 'google' else other_click end
            when 2 then answered.source
            when 3 then case
                when coalesce(h.category, d.category) in ('search', 'ai') then coalesce(h.name, d.name)
                when h.source is not null and h.category is distinct from d.category then referrer_host
                else referrer_domain
            end
        end as said_source,
        case rule
            when 1 then case when google_ads_id is not null then 'cpc' else other_medium end
            when 2 then medium
            when 3 then case coalesce(h.category, d.category) when 'search' then 'organic' when 'ai' then 'ai-assistant' else 'referral' end
        end as said_medium,
        case rule when 2 then campaign end as said_campaign
    from answered
    left join traffic_sources h on rule = 3 and h.source = referrer_host
    left join traffic_sources d on rule = 3 and d.source = referrer_domain
),

visited as (
    select
        *,
        row_number() over device_order as n,
        event_timestamp - lag(event_timestamp) over device_order > interval 30 minutes as opens_visit
    from said
    window device_order as (
        partition by device_id
        order by event_timestamp, batch_page_id nulls first, batch_ordering_id nulls first, batch_event_index nulls first, event_id
    )
),

in_sessions as (
    select
        *,
        case
            when ga_session_id is not null then 'g' || ga_session_id
            else coalesce(
                'g' || last_value(ga_session_id ignore nulls) over (partition by device_id, visit order by n rows unbounded preceding),
                'g' || first_value(ga_session_id ignore nulls) over (partition by device_id, visit order by n rows between current row and unbounded following),
                'v' || visit
            )
        end as session
    from (
        select *, sum(coalesce(opens_visit, false)::int) over (partition by device_id order by n rows unbounded preceding) as visit
        from visited
    )
),

persons as (
    select device_id, coalesce('user:' || arg_max(user_id, n) filter (where user_id is not null), 'device:' || device_id) as person
    from visited
    group by device_id
),

sessions as (
    select
        person, device_id, session, min(n) as n, min(event_timestamp) as moment, bool_or(rule is not null) as speaks,
        arg_min([first_user_source, first_user_medium, first_user_campaign], n)
            filter (where not first_user_is_void and first_user_source is not null) as acquired
    from in_sessions join persons using (device_id)
    group by all
),

touches as (
    select person, touch.event_timestamp as moment, touch.n, said_source as source, said_medium as medium, said_campaign as campaign
    from (
        select *, lag((said_source, said_medium, said_campaign)) over (partition by device_id, session order by n) as open
        from in_sessions
        where rule is not null
    ) as touch
    join persons using (device_id)
    where open is distinct from (said_source, said_medium, said_campaign)
    union all
    select
        person, moment, n,
        case when place = 1 and acquired is not null then acquired[1] else '(direct)' end,
        case when place = 1 and acquired is not null then acquired[2] else '(none)' end,
        case when place = 1 and acquired is not null then acquired[3] end
    from (select *, row_number() over (partition by person order by moment, n) as place from sessions)
    where not speaks
),

orders as (
    select
        person, event_timestamp as moment, n, value, transaction_id,
        row_number() over (partition by coalesce(transaction_id, event_id) order by event_timestamp, event_id) as copy
    from in_sessions join persons using (device_id)
    where event_name = 'purchase'
),

refunds as (
    select transaction_id, sum(abs(value)) as value, bool_or(value = 0) as takes_all
    from events
    where event_name = 'refund'
    group by 1
),

conversions as (
    select
        person, moment, n,
        case when r.takes_all then 0 when r.value is null then o.value else greatest(o.value - r.value, 0) end as value
    from orders o left join refunds r using (transaction_id)
    where copy = 1
),

credited as (
    select
        c.moment::date as day, c.value,
        coalesce(arg_min((t.source, t.medium, t.campaign), (t.moment, t.n)) filter (where t.n is not null), ('(direct)', '(none)', null)) as first_click,
        coalesce(
            arg_max((t.source, t.medium, t.campaign), (t.moment, t.n)) filter (where t.source <> '(direct)'),
            arg_max((t.source, t.medium, t.campaign), (t.moment, t.n)) filter (where t.n is not null),
            ('(direct)', '(none)', null)
        ) as last_click
    from conversions c
    left join touches t on t.person = c.person and t.moment between c.moment - interval 14 days and c.moment
    group by c.person, c.moment, c.n, c.value
)

select 'first_click' as model, day, first_click[1] as source, first_click[2] as medium, first_click[3] as campaign, count(*) as conversions, sum(value) as value
from credited
group by all
union all
select 'last_click', day, last_click[1], last_click[2], last_click[3], count(*), sum(value)
from credited
group by all
