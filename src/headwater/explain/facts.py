"""What is known of one conversion. The names are those of `headwater explain --format json`: they stay.

Times are UTC. What a rule decided stands beside what it decided on: no reader has to work it out again."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

# What became of a touch: it opens a step, belongs to one that another touch opened, is too old, or is in none
Fate = Literal["opens step", "joins step", "before lookback", "no step"]


@dataclass(frozen=True)
class Conversion:
    conversion_id: str
    conversion_event: str
    conversion_at: datetime
    conversion_date: date
    conversion_value: Decimal | None
    currency: str | None
    transaction_id: str | None
    person_id: str
    device_id: str
    device: str


@dataclass(frozen=True)
class Refund:
    """`value` is without its sign; 0 takes the whole of the order. `rate` is null where there is none."""

    event_id: str
    refunded_at: datetime
    value: Decimal
    currency: str | None
    rate: Decimal | None


@dataclass(frozen=True)
class Repeat:
    """The same order, sent once more: it does not count."""

    event_id: str
    repeated_at: datetime


@dataclass(frozen=True)
class Worth:
    """From what the event said to the value that counts."""

    sent_value: Decimal
    sent_currency: str | None
    rate: Decimal | None
    rate_date: date | None
    refunds: list[Refund]
    repeats: list[Repeat]


@dataclass(frozen=True)
class Touch:
    touch_number: int
    touchpoint_id: str
    touch_at: datetime
    device: str
    channel: str
    source: str | None
    medium: str | None
    campaign: str | None
    said_by: str
    click_id: str | None
    referrer_host: str | None
    opens_session: bool
    channel_rule: str
    channel_rule_reads: str
    fate: Fate
    step_number: int | None
    is_conversion: bool


@dataclass(frozen=True)
class Step:
    """`ignored_by` are the models that pass over it because it is Direct and others are not."""

    step_number: int
    channel: str
    source: str | None
    medium: str | None
    campaign: str | None
    touchpoint_id: str
    last_touchpoint_id: str
    first_touch_at: datetime
    last_touch_at: datetime
    touch_count: int
    ignored_by: list[str]


@dataclass(frozen=True)
class Credit:
    attribution_model: str
    step_number: int
    touchpoint_id: str
    source: str | None
    medium: str | None
    campaign: str | None
    credit: Decimal
    credited_value: Decimal | None


@dataclass(frozen=True)
class Login:
    user_id: str
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Device:
    """`logins` in the order of their last event: the last one decides whose the device is."""

    device: str
    device_id: str
    first_seen_at: datetime
    last_seen_at: datetime
    sessions: int
    logins: list[Login]


@dataclass(frozen=True)
class Setting:
    key: str
    value: Any
    origin: str


@dataclass(frozen=True)
class Freshness:
    """What the tables do not hold yet."""

    batches_since_build: int
    settings_have_changed: bool


@dataclass(frozen=True)
class Explanation:
    """`repeat_asked_for` is set where the id that was asked for is a repeat of the conversion told of."""

    conversion: Conversion
    repeat_asked_for: str | None
    worth: Worth
    lookback_from: datetime
    touches: list[Touch]
    later_touches: int
    steps: list[Step]
    credits: list[Credit]
    devices: list[Device]
    settings: list[Setting]
    freshness: Freshness
