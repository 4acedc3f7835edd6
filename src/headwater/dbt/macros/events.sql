{#- The order of events, everywhere: spec and tie-breakers, nulls first. -#}
{% macro event_order(prefix='') -%}
    {{ prefix }}event_timestamp,
    {{ prefix }}batch_page_id nulls first,
    {{ prefix }}batch_ordering_id nulls first,
    {{ prefix }}batch_event_index nulls first,
    {{ prefix }}event_id,
    {{ prefix }}stream_id
{%- endmacro %}

{#- A measurement id of [streams] stands for the export's stream. -#}
{% macro stream_of(column) -%}
    {%- set streams = var('streams') -%}
    {%- if streams -%}
        case {{ column }}
            {%- for measurement_id, stream_id in streams %}
            when {{ quoted(measurement_id) }} then {{ quoted(stream_id) }}
            {%- endfor %}
            else {{ column }}
        end
    {%- else -%}
        {{ column }}
    {%- endif -%}
{%- endmacro %}

{#- One text that names an event: its id, behind its stream where that is not the default one. -#}
{% macro event_key(stream_id, event_id) -%}
    case when {{ stream_id }} = 'default' then {{ event_id }} else {{ stream_id }} || '/' || {{ event_id }} end
{%- endmacro %}

{% macro one_of(column, values) -%}
    {%- if values -%}
        {{ column }} in ({% for value in values %}{{ quoted(value) }}{{ ", " if not loop.last }}{% endfor %})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{#- Whether a host is one of the domains, or lies under one. -#}
{% macro under_domains(host, domains) -%}
    {%- if domains -%}
        coalesce(
            {%- for domain in domains %}
            {{ host }} = {{ quoted(domain) }} or right({{ host }}, {{ domain | length + 1 }}) = {{ quoted('.' ~ domain) }}
            {{- " or" if not loop.last }}
            {%- endfor %},
            false
        )
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{#- Whether a (source, medium) is the visitor's own doing and so no news: direct, or a link from the site itself. -#}
{% macro says_nothing(source, medium, source_domain) -%}
    coalesce(
        ({{ source }} = '(direct)' and coalesce({{ medium }}, '(none)') = '(none)')
        or {{ source_domain }} = page_domain
        or {{ under_domains(source, var('internal_domains')) }},
        false
    )
{%- endmacro %}

{#- Whether one event can be stored as streamed and as loaded, and neither the door nor the rule of days has seen to it. -#}
{% macro ids_may_meet() %}
    {{ return(var('streams') or not var('supersede_streamed')) }}
{% endmacro %}

{#- The rows of a raw table that count: arrived, in scope, and not replaced by an export of the same stream and day. -#}
{% macro rows_that_count(raw, scope='true') %}
    select
        raw.*,
        {{ stream_of('raw.stream_id') }} as counted_stream_id
    from {{ raw }} as raw
    left join {{ ref('stg_covered_days') }} as covered
        on covered.replaced_kind = raw.source_kind
        and covered.stream_id = {{ stream_of('raw.stream_id') }}
        and covered.event_date = case
            when raw.source_kind in ('stream', 'export_intraday') then {{ local_date('raw.event_timestamp') }}
        end
    where {{ of_any_day('raw.event_timestamp') }}
        and {{ arrived() }}
        and {{ scope }}
        and covered.stream_id is null
        {%- if ids_may_meet() %}
        and not exists (
            select 1
            from {{ source('live', 'ga4_events_raw') }} as loaded
            where {{ of_any_day('loaded.event_timestamp') }}
                and raw.source_kind = 'stream'
                and loaded.source_kind <> 'stream'
                and loaded.event_id = raw.event_id
                and {{ stream_of('loaded.stream_id') }} = {{ stream_of('raw.stream_id') }}
                and loaded.batch_id <= {{ to_batch() }}
        )
        {%- endif %}
{% endmacro %}

{#- What each event says of its traffic source: the first rule that answers. See docs/attribution.md. -#}
{% macro with_said_source(events) %}
    with judged as (
        select
            *,
            {{ says_nothing('source', 'medium', 'source_domain') }} as is_void,
            {{ says_nothing('first_user_source', 'first_user_medium', 'first_user_domain') }}
            or (
                first_user_source is null and first_user_medium is null
                and coalesce(first_user_campaign in ('(organic)', '(referral)'), false)
            ) as first_user_is_void,
            coalesce(campaign in ('(organic)', '(referral)'), false) as campaign_is_a_guess,
            case
                when coalesce(gclid, dclid, gbraid, wbraid) is not null then 'google'
                when msclkid is not null then 'bing'
                when ttclid is not null then 'tiktok'
                when srsltid is not null then 'google'
                when fbclid is not null then 'facebook'
            end as click_source,
            case
                when coalesce(gclid, dclid, gbraid, wbraid, msclkid, ttclid) is not null then 'cpc'
                when srsltid is not null then 'organic'
                when fbclid is not null then 'referral'
            end as click_medium
        from {{ events }}
    ),

    answered as (
        select
            *,
            case
                when click_source is not null and (
                    campaign_is_a_guess
                    or (campaign is null and (is_void or (source is null and medium is null)))
                    or (
                        click_source = 'google' and click_medium = 'cpc'
                        and source = 'google' and medium = 'organic' and not is_void
                    )
                ) then 'click id'
                when not is_void and (
                    source is not null or medium is not null or (campaign is not null and not campaign_is_a_guess)
                ) then 'tag'
                when not page_is_tagged
                    and referrer_domain is not null
                    and referrer_domain <> coalesce(page_domain, '')
                    and not {{ under_domains('referrer_host', var('internal_domains') + var('ignored_referrers')) }}
                then 'referrer'
            end as said_by
        from judged
    ),

    looked_up as (
        select
            answered.*,
            coalesce(by_host.category, by_domain.category) as referrer_category,
            case when by_host.source is not null then by_host.name else by_domain.name end as referrer_name,
            coalesce(by_host.category <> coalesce(by_domain.category, ''), false) as referrer_host_differs
        from answered
        left join {{ ref('traffic_sources') }} as by_host
            on answered.said_by = 'referrer' and by_host.source = answered.referrer_host
        left join {{ ref('traffic_sources') }} as by_domain
            on answered.said_by = 'referrer' and by_domain.source = answered.referrer_domain
    )

    select
        *,
        case
            when said_by = 'tag' then source
            when said_by = 'click id' then click_source
            when said_by = 'referrer' then
                case
                    when referrer_category in ('search', 'ai') then referrer_name
                    when referrer_host_differs then referrer_host
                    else referrer_domain
                end
        end as said_source,
        case
            when said_by = 'tag' then medium
            when said_by = 'click id' then click_medium
            when said_by = 'referrer' then
                case referrer_category when 'search' then 'organic' when 'ai' then 'ai-assistant' else 'referral' end
        end as said_medium,
        case when said_by = 'tag' then campaign end as said_campaign,
        case when said_by = 'tag' then source_domain end as said_domain
    from looked_up
{% endmacro %}

{#- The columns of an event that counts, as the staging models show them. -#}
{% macro event_columns() -%}
    event_id,
    counted_stream_id as stream_id,
    source_kind,
    event_name,
    event_timestamp,
    {{ local_date('event_timestamp') }} as event_date,
    user_pseudo_id,
    user_id,
    device_id,
    ga_session_id,
    ga_session_number,
    batch_page_id,
    batch_ordering_id,
    batch_event_index,
    page_location,
    page_referrer,
    source,
    medium,
    campaign,
    term,
    content,
    gclid,
    dclid,
    gbraid,
    wbraid,
    srsltid,
    msclkid,
    fbclid,
    ttclid,
    said_by,
    said_source,
    said_medium,
    said_campaign,
    said_domain,
    case when not first_user_is_void then first_user_source end as first_user_source,
    case when not first_user_is_void then first_user_medium end as first_user_medium,
    case when not first_user_is_void then first_user_campaign end as first_user_campaign,
    case when not first_user_is_void then first_user_domain end as first_user_domain,
    ga4_channel,
    is_engaged,
    value,
    currency,
    transaction_id,
    items,
    params,
    received_at,
    batch_id
{%- endmacro %}

{#- The columns of a raw table, without those that nothing behind staging asks for: reading them is dear. -#}
{% macro raw_columns() -%}
    event_id,
    stream_id,
    source_kind,
    event_name,
    event_timestamp,
    cast(null as {{ type_text() }}) as user_pseudo_id,
    user_id,
    ga_session_id,
    cast(null as {{ type_whole() }}) as ga_session_number,
    batch_page_id,
    batch_ordering_id,
    batch_event_index,
    page_location,
    cast(null as {{ type_text() }}) as page_referrer,
    source,
    medium,
    campaign,
    cast(null as {{ type_text() }}) as term,
    cast(null as {{ type_text() }}) as content,
    gclid,
    dclid,
    gbraid,
    wbraid,
    srsltid,
    msclkid,
    fbclid,
    ttclid,
    first_user_source,
    first_user_medium,
    first_user_campaign,
    cast(null as {{ type_text() }}) as ga4_channel,
    value,
    currency,
    transaction_id,
    cast(null as {{ type_json() }}) as items,
    cast(null as {{ type_json() }}) as params,
    cast(null as timestamp) as received_at,
    device_id,
    page_domain,
    referrer_host,
    referrer_domain,
    source_domain,
    first_user_domain,
    page_is_tagged,
    is_engaged,
    batch_id
{%- endmacro %}
