"""The keys, their defaults and what each may hold.

A field's description completes the sentence "it must be …" of the error message, so it states exactly what is
allowed. Checks add the reason only where the description cannot name it.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from headwater.settings import checks
from headwater.settings.checks import MODELS, masked


class _Keys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


# TOML and JSON have arrays, frozen settings have tuples: the one conversion that strict mode must let pass.
_Array = Field(strict=False)
Names = Annotated[tuple[str, ...], _Array, AfterValidator(checks.names)]
Models = Annotated[tuple[str, ...], _Array, AfterValidator(checks.models)]
Domains = Annotated[tuple[str, ...], _Array, AfterValidator(checks.domains)]
Port = Annotated[int, Field(ge=1, le=65535, description="a whole number from 1 to 65535")]
Host = Annotated[
    str, Field(pattern=r"^[^\s/]{1,255}$", description="a host name or an address such as 127.0.0.1")
]
OneOrMore = BeforeValidator(lambda given: (given,) if isinstance(given, str) and given else given or ())
Pattern = Annotated[str, AfterValidator(checks.pattern)]
Day = Annotated[date, BeforeValidator(checks.day)]

_PATTERN = "a regular expression that every warehouse reads alike"
_DAY = "a date such as 2026-05-01"
_DOMAINS = "a list of domains such as ['example.com']"
_MODELS = "a list out of " + ", ".join(MODELS)


class WarehouseSettings(_Keys):
    url: Annotated[str, AfterValidator(checks.warehouse_url)] = Field(
        default="duckdb:///warehouse.duckdb",
        description="duckdb:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or bigquery://PROJECT/DATASET",
    )
    writer: Literal["storage_write", "insert_all"] = Field(
        default="storage_write", description="storage_write or insert_all"
    )
    max_gb_billed: float = Field(
        default=100.0, ge=0.01, le=1_000_000, allow_inf_nan=False, description="a number from 0.01 to 1000000"
    )
    location: Annotated[str, AfterValidator(checks.location)] = Field(
        default="", description="a location of BigQuery such as US, EU or europe-west3, or empty"
    )
    budget_usd_per_month: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="a number of at least 0, which is no budget"
    )

    export: Annotated[tuple[str, ...], _Array, OneOrMore] = Field(
        default=(),
        description="PROJECT.DATASET of a GA4 export on BigQuery, a list of several, or [] for none",
    )
    export_minutes: float = Field(
        default=15.0, ge=1, le=1440, allow_inf_nan=False, description="a number from 1 to 1440"
    )

    @field_validator("export")
    @classmethod
    def _is_read_there(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return checks.exports(names, info.data.get("url", "bigquery://"))

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, masked(self.url) if name == "url" else value


class Attribution(_Keys):
    lookback_days: int = Field(default=14, ge=1, le=400, description="a whole number from 1 to 400")
    session_timeout_minutes: int = Field(
        default=30, ge=1, le=1440, description="a whole number from 1 to 1440"
    )
    conversion_events: Names = Field(
        default=("purchase",),
        min_length=1,
        description="a list of at least one event name, such as ['purchase']",
    )
    models: Models = Field(default=MODELS, min_length=1, description=f"{_MODELS}, at least one")
    ignore_direct: Models = Field(default=("last_click",), description=f"{_MODELS}, or []")
    half_life_days: float = Field(default=7.0, gt=0, allow_inf_nan=False, description="a number above 0")
    identity: Literal["user", "device"] = Field(default="user", description="user or device")
    collapse_same_channel_day: bool = Field(default=True, description="true or false")
    channel_group: Literal["ga4", "simple"] = Field(default="ga4", description="ga4 or simple")
    internal_domains: Domains = Field(default=(), description=_DOMAINS)
    ignored_referrers: Domains = Field(default=("paypal.com", "checkout.stripe.com"), description=_DOMAINS)


class Collect(_Keys):
    host: Host = "127.0.0.1"
    port: Port = 8787
    workers: int = Field(default=1, ge=1, le=64, description="a whole number from 1 to 64")
    allowed_origins: Names = Field(
        default=(), description="a list of origins of web pages such as ['https://www.example.com']"
    )
    rate_limit: int = Field(
        default=20_000, ge=1, description="a whole number of requests per second, at least 1"
    )
    max_body_mb: int = Field(default=8, ge=1, le=1024, description="a whole number from 1 to 1024")
    journal_url: Annotated[str, AfterValidator(checks.journal_url)] = Field(
        default="",
        description="kafka://HOST:PORT/TOPIC, pubsub://PROJECT/TOPIC or empty for the journal in the home",
    )
    journal_max_mb: int = Field(default=10_240, ge=16, description="a whole number of at least 16")
    retention_days: float = Field(
        default=7.0, ge=0, le=400, allow_inf_nan=False, description="a number from 0 to 400"
    )
    redact_emails: bool = Field(default=True, description="true or false")

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, masked(value) if name == "journal_url" else value


class Serve(_Keys):
    host: Host = "127.0.0.1"
    port: Port = 8788


class Dashboard(_Keys):
    port: Port = 8501


class Stream(_Keys):
    max_event_age_hours: int = Field(default=72, ge=1, le=8760, description="a whole number from 1 to 8760")
    supersede_streamed: bool = Field(default=True, description="true or false")
    retention_days: int = Field(default=0, ge=0, le=3650, description="a whole number from 0 (never) to 3650")
    tick_seconds: float = Field(
        default=0.25, ge=0.05, le=86_400, allow_inf_nan=False, description="a number from 0.05 to 86400"
    )
    test_minutes: float = Field(
        default=15.0, ge=0, le=10_080, allow_inf_nan=False, description="a number from 0 (never) to 10080"
    )


_Price = Field(ge=0, allow_inf_nan=False, description="a number of at least 0")
Price = Annotated[float, _Price]


class Prices(_Keys):
    """What BigQuery asks for in USD: list prices of the US multi-region; docs/bigquery.md names date and source."""

    query_per_tib: Price = 6.25
    free_query_tib: Price = 1.0  # a month and billing account
    active_storage_per_gib: Price = 0.02
    long_term_storage_per_gib: Price = 0.01
    free_storage_gib: Price = 10.0
    storage_write_per_gib: Price = 0.025
    free_storage_write_tib: Price = 2.0
    insert_all_per_200_mb: Price = 0.01
    slot_hour: Price = 0.06


class ChannelRule(_Keys):
    """One rule of the user's own channel list: all the patterns it has must match, on a day it is valid."""

    channel: Annotated[str, AfterValidator(checks.name)] = Field(description="a name of 1 to 100 characters")
    source: Pattern | None = Field(default=None, description=_PATTERN)
    medium: Pattern | None = Field(default=None, description=_PATTERN)
    campaign: Pattern | None = Field(default=None, description=_PATTERN)
    valid_from: Day | None = Field(default=None, description=_DAY)
    valid_to: Day | None = Field(default=None, description=_DAY)

    @model_validator(mode="after")
    def _can_match(self) -> "ChannelRule":
        if self.source is None and self.medium is None and self.campaign is None:
            raise ValueError("the rule has no source, medium or campaign to match")
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError(f"valid_from {self.valid_from} is after valid_to {self.valid_to}")
        return self


class Keys(_Keys):
    """What headwater.toml may hold."""

    timezone: Annotated[str, AfterValidator(checks.known_zone)] = Field(
        default="UTC", description="the name of a time zone such as UTC or Europe/Berlin"
    )
    reporting_currency: Annotated[str, AfterValidator(checks.currency)] = Field(
        default="", description="three upper-case letters such as EUR, or empty for no conversion"
    )
    warehouse: WarehouseSettings = WarehouseSettings()
    attribution: Attribution = Attribution()
    collect: Collect = Collect()
    serve: Serve = Serve()
    dashboard: Dashboard = Dashboard()
    stream: Stream = Stream()
    prices: Prices = Prices()
    streams: dict[
        Annotated[str, AfterValidator(checks.name)], Annotated[str, AfterValidator(checks.name)]
    ] = Field(default={}, description="a table of measurement id = stream id, such as G-ABC123 = '4711'")
    channel_rules: Annotated[tuple[ChannelRule, ...], _Array] = Field(
        default=(),
        description="a list of rules, each with a channel and a source, medium or campaign pattern",
    )


class Settings(Keys):
    """The keys, their home, and where each value is from (dotted key → default, the file, a variable)."""

    home: Path
    origins: dict[str, str] = Field(default_factory=dict, repr=False)
