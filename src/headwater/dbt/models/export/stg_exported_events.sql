-- A table of a GA4 export on BigQuery, read where it lies, in the columns of `ga4_events_raw`. `headwater load` takes it in; no model reads it.
{{ config(materialized='view') }}

{%- set export = var('export', none) %}
{%- if export %}
{{ exported_events(export) }}
{%- else %}
{#- told of no export: the same columns and no rows -#}
select
    * except (batch_id),
    cast(null as string) as reason,
    cast(null as string) as detail,
    cast(null as string) as original
from {{ source('live', 'ga4_events_raw') }}
where {{ of_any_day() }} and false
{%- endif %}
