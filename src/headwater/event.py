"""The canonical event: its columns, as Arrow schemas. (Checks and id: below.)"""
import pyarrow as pa

CLICK_IDS = ("gclid", "dclid", "gbraid", "wbraid", "srsltid", "msclkid", "fbclid", "ttclid")
SOURCE_KINDS = ("export_daily", "export_intraday", "stream", "file")

CANONICAL_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("stream_id", pa.string(), nullable=False),
        pa.field("source_kind", pa.string(), nullable=False),
        pa.field("event_name", pa.string(), nullable=False),
        pa.field("event_timestamp", pa.timestamp("us"), nullable=False),
        ("user_pseudo_id", pa.string()),
        ("user_id", pa.string()),
        ("ga_session_id", pa.int64()),
        ("ga_session_number", pa.int64()),
        ("batch_page_id", pa.int64()),
        ("batch_ordering_id", pa.int64()),
        ("batch_event_index", pa.int64()),
        ("page_location", pa.string()),
        ("page_referrer", pa.string()),
        ("source", pa.string()),
        ("medium", pa.string()),
        ("campaign", pa.string()),
        ("term", pa.string()),
        ("content", pa.string()),
        *((name, pa.string()) for name in CLICK_IDS),
        ("first_user_source", pa.string()),
        ("first_user_medium", pa.string()),
        ("first_user_campaign", pa.string()),
        ("ga4_channel", pa.string()),
        pa.field("value", pa.decimal128(18, 6), nullable=False),
        ("currency", pa.string()),
        ("transaction_id", pa.string()),
        ("items", pa.string()),
        ("params", pa.string()),
        pa.field("received_at", pa.timestamp("us"), nullable=False),
    ]
)

# What the door works out once, so that no engine has to: stored beside the canonical columns.
DERIVED_SCHEMA = pa.schema(
    [
        pa.field("device_id", pa.string(), nullable=False),
        ("page_domain", pa.string()),
        ("referrer_host", pa.string()),
        ("referrer_domain", pa.string()),
        ("source_domain", pa.string()),
        ("first_user_domain", pa.string()),
        pa.field("page_is_tagged", pa.bool_(), nullable=False),
        pa.field("is_engaged", pa.bool_(), nullable=False),
        pa.field("payload_hash", pa.int64(), nullable=False),
    ]
)

RAW_SCHEMA = pa.schema([*CANONICAL_SCHEMA, *DERIVED_SCHEMA])

DEAD_LETTER_SCHEMA = pa.schema(
    [
        pa.field("origin", pa.string(), nullable=False),
        ("line", pa.int64()),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("original", pa.string(), nullable=False),
    ]
)
