-- The events of a GA4 export on BigQuery, read where they lie, in the columns of `ga4_events_raw`. Made for those who take them in: no model reads it.
{{ config(materialized='view') }}

{%- set export = var('export', none) %}
{%- if export %}
{%- for kind in export.kinds %}
select * from ({{ exported_events(export, kind) }})
{{ "union all" if not loop.last }}
{%- endfor %}
{%- else %}
{#- told of no export: the same columns and no rows -#}
select * except (payload_hash, batch_id) from {{ source('live', 'ga4_events_raw') }} where {{ of_any_day() }} and false
{%- endif %}
