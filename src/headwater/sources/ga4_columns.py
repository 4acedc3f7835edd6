"""Where each canonical column lies in GA4's export."""

PLAIN = ("event_name", "user_pseudo_id", "user_id", "stream_id")
WHOLE = ("event_timestamp", "batch_page_id", "batch_ordering_id", "batch_event_index")
NESTED = {
    "source": "collected_traffic_source.manual_source",
    "medium": "collected_traffic_source.manual_medium",
    "campaign": "collected_traffic_source.manual_campaign_name",
    "term": "collected_traffic_source.manual_term",
    "content": "collected_traffic_source.manual_content",
    "gclid": "collected_traffic_source.gclid",
    "dclid": "collected_traffic_source.dclid",
    "srsltid": "collected_traffic_source.srsltid",
    "first_user_source": "traffic_source.source",
    "first_user_medium": "traffic_source.medium",
    "first_user_campaign": "traffic_source.name",
}
# The first that the export has: newer ones moved it.
CHANNELS = (
    "session_traffic_source_last_click.cross_channel_campaign.default_channel_group",
    "session_traffic_source_last_click.default_channel_group",
    "session_traffic_source_last_click.google_ads_campaign.default_channel_group",
)
REVENUE = "ecommerce.purchase_revenue"
REFUND = "ecommerce.refund_value"
TRANSACTION = "ecommerce.transaction_id"
COLUMNS = (*PLAIN, *WHOLE, *NESTED.values(), *CHANNELS, REVENUE, REFUND, TRANSACTION)

FROM_PARAMS = ("page_location", "page_referrer", "ga_session_id", "ga_session_number", "currency")

# What lies in canonical columns as it is; every other column is kept as the export's own addition.
CANONICAL = (*PLAIN, *WHOLE, "event_params", "items", "traffic_source")
