"""What has moved most since the days before, and what in it: in one sentence."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

ROUNDED_FROM = 100  # money: in a sentence, cents say nothing
_MOSTLY = 0.5  # of the channel's change: less than that is not why


@dataclass(frozen=True)
class Sum:
    """Of one model's credits, of one campaign of a channel, in one of two stretches of days."""

    model: str
    channel: str
    campaign: str | None
    is_now: bool
    conversions: Decimal
    value: Decimal

    def of(self, measure: str) -> Decimal:
        return self.value if measure == "value" else self.conversions


def moved(sums: Sequence[Sum], model: str, days: int, currency: str | None) -> dict[str, Any] | None:
    """Null where nothing has."""
    for measure in ("value", "conversions"):
        now, before, by_campaign = _changes([one for one in sums if one.model == model], measure)
        changes = {channel: now[channel] - before[channel] for channel in {*now, *before}}
        if any(changes.values()):
            channel = min(changes, key=lambda name: (-abs(changes[name]), name))
            cause, share = _cause(by_campaign[channel], changes[channel])
            found = {
                "channel": channel,
                "measure": measure,
                "model": model,
                "now": now[channel],
                "before": before[channel],
                "campaign": cause,
                "campaign_share": share,
            }
            return {"sentence": _sentence(found, days, currency), **found}
    return None


def _changes(
    sums: Sequence[Sum], measure: str
) -> tuple[dict[str, Decimal], dict[str, Decimal], dict[str, dict[str | None, Decimal]]]:
    now: dict[str, Decimal] = defaultdict(Decimal)
    before: dict[str, Decimal] = defaultdict(Decimal)
    by_campaign: dict[str, dict[str | None, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for one in sums:
        (now if one.is_now else before)[one.channel] += one.of(measure)
        by_campaign[one.channel][one.campaign] += one.of(measure) * (1 if one.is_now else -1)
    return now, before, by_campaign


def _cause(campaigns: dict[str | None, Decimal], change: Decimal) -> tuple[str | None, float | None]:
    """The campaign that most of the change is of, and its share."""
    way = 1 if change > 0 else -1
    campaign = min(campaigns, key=lambda name: (-campaigns[name] * way, name or ""))
    share = float(campaigns[campaign]) / float(change)
    return (campaign, min(share, 1.0)) if campaign is not None and share >= _MOSTLY else (None, None)


def _sentence(found: dict[str, Any], days: int, currency: str | None) -> str:
    change = found["now"] - found["before"]
    if found["measure"] == "value":
        decimals = 0 if abs(change) >= ROUNDED_FROM else 2
        what = f"{abs(change):,.{decimals}f}{f' {currency}' if currency else ''} of value"
    else:
        what = f"{abs(change):,.1f}".removesuffix(".0") + " conversions"
    share = f"{float(change) / float(found['before']):+.0%}" if found["before"] else "there was none before"
    than = "the day before" if days == 1 else f"the {days} days before"
    said = (
        f"{found['channel']} {'gained' if change > 0 else 'lost'} most: {what} ({share}) against {than}, "
        f"by {found['model'].replace('_', ' ')}"
    )
    if found["campaign"]:
        said += f"; {found['campaign_share']:.0%} of that is the campaign {found['campaign']}"
    return said + "."
