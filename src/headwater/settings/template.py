"""The headwater.toml that `headwater init` writes: every key with its default, to read and change."""

DEFAULT_TOML = """\
# What headwater computes and where it keeps it. Every key is also an environment variable, which wins over
# this file: HEADWATER_TIMEZONE, HEADWATER_ATTRIBUTION__LOOKBACK_DAYS. `headwater config show` lists them all.

timezone = "UTC"          # reporting time zone; set it to the GA4 property's
reporting_currency = ""   # ISO code such as "EUR"; empty: values are taken as they are

[warehouse]
# duckdb:///FILE (three slashes: in this directory, four: an absolute path),
# postgresql://USER@HOST/DATABASE or bigquery://PROJECT/DATASET.
# Keep passwords out of this file: set HEADWATER_WAREHOUSE__URL instead.
url = "duckdb:///warehouse.duckdb"
writer = "storage_write"               # BigQuery only, how the stream is written: or "insert_all"
max_gb_billed = 100.0                  # BigQuery only: a query that would read more is refused
location = ""                          # BigQuery only: where datasets are made; empty: Google's default, US
budget_usd_per_month = 0.0             # BigQuery only: ticks as often as this pays for; 0: no budget
export = []                            # BigQuery only: "PROJECT.DATASET" of a GA4 export, taken in where it lies
export_minutes = 15.0                  # how often the engine looks whether it has changed

[attribution]
lookback_days = 14                     # touches this long before a conversion count, 1 to 400
session_timeout_minutes = 30           # a longer pause starts a new visit
conversion_events = ["purchase"]
models = ["first_click", "last_click", "linear", "position_based", "time_decay"]
ignore_direct = ["last_click"]         # models that skip Direct unless there is nothing else
half_life_days = 7.0                   # time_decay: credit halves every so many days
identity = "user"                      # "user" joins devices by user_id, "device" does not
collapse_same_channel_day = true       # touches of one channel on one day are one step
channel_group = "ga4"                  # or "simple"
internal_domains = []                  # your own other domains: never a source
ignored_referrers = ["paypal.com", "checkout.stripe.com"]

[collect]
host = "127.0.0.1"                     # off loopback it starts only once there are keys: headwater keys add
port = 8787
workers = 1                            # processes behind the port
allowed_origins = []                   # web pages that may send: ["https://www.example.com"]
rate_limit = 20000                     # requests per second and key
max_body_mb = 8                        # of a request, after unpacking
journal_url = ""                       # kafka://HOST:9092/TOPIC or pubsub://PROJECT/TOPIC in place of the local journal
journal_max_mb = 10240                 # when it is full of what is not yet loaded, senders are told to wait
retention_days = 7.0                   # how long the journal keeps what is loaded, for headwater rebuild
redact_emails = true                   # e-mail addresses in page addresses become (redacted)

[serve]
host = "127.0.0.1"                     # off loopback it starts only once there are keys: headwater keys add --read
port = 8788

[dashboard]
port = 8501

[stream]
max_event_age_hours = 72
supersede_streamed = true              # a day that was exported replaces the streamed one
retention_days = 0                     # BigQuery only: streamed events are forgotten after so many days; 0: never
tick_seconds = 0.25                    # new events start a tick at most this often
test_minutes = 15.0                    # how often the models' tests run over all that is published; 0: never

[prices]                               # of BigQuery, in USD, for `headwater cost` and the budget
query_per_tib = 6.25
free_query_tib = 1.0                   # a month
active_storage_per_gib = 0.02          # a month
long_term_storage_per_gib = 0.01       # a month, what has not changed for 90 days
free_storage_gib = 10.0
storage_write_per_gib = 0.025
free_storage_write_tib = 2.0           # a month
insert_all_per_200_mb = 0.01
slot_hour = 0.06                       # capacity in place of queries by the byte

# [streams]                            # measurement id = stream id of the export
# G-ABC123 = "4711"

# [[channel_rules]]                    # your own channels, first match wins, before the channel group's
# channel = "Partners"
# source = "partner-[0-9]+"            # patterns of the whole source, medium, campaign; case is ignored
# valid_from = 2026-01-01              # optional, as is valid_to; both days count
"""
