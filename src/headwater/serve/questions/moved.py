"""What has moved most since the days before, and what in it: in one sentence."""

from decimal import Decimal
from typing import Any

from headwater.serve.bound import Bound
from headwater.serve.filters import Asked
from headwater.warehouse.protocol import Reader

_MOSTLY = 0.5  # of the channel's change: less than that is not why


def moved(reader: Reader, asked: Asked, model: str, currency: str | None) -> dict[str, Any] | None:
    """Null where nothing has."""
    channels = _changes(reader, asked, model, "channel", None)
    if not channels:
        return None
    measure = "value" if any(row["value_change"] for row in channels) else "conversions"
    [most, *_] = sorted(channels, key=lambda row: (-abs(row[f"{measure}_change"]), row["name"] or ""))
    change = most[f"{measure}_change"]
    if not change:
        return None
    campaigns = _changes(reader, asked, model, "campaign", most["name"])
    cause = max(
        campaigns, key=lambda row: (row[f"{measure}_change"] * (1 if change > 0 else -1), row["name"] or "")
    )
    share = float(cause[f"{measure}_change"]) / float(change)
    is_cause = cause["name"] is not None and share >= _MOSTLY
    found = {
        "channel": most["name"],
        "measure": measure,
        "model": model,
        "now": most[f"{measure}_now"],
        "before": most[f"{measure}_before"],
        "campaign": cause["name"] if is_cause else None,
        "campaign_share": min(share, 1.0) if is_cause else None,
    }
    return {"sentence": _sentence(found, asked.days, currency), **found}


def _sentence(found: dict[str, Any], days: int, currency: str | None) -> str:
    change = found["now"] - found["before"]
    unit = f" {currency}" if currency and found["measure"] == "value" else ""
    amount = (
        f"{abs(change):,.2f}{unit}"
        if found["measure"] == "value"
        else f"{abs(change):,.1f}".removesuffix(".0")
    )
    of_before = (
        f" ({float(change) / float(found['before']):+.0%})" if found["before"] else " (there was none before)"
    )
    what = {"value": "of value", "conversions": "conversions"}[found["measure"]]
    than = "the day before" if days == 1 else f"the {days} days before"
    said = (
        f"{found['channel']} {'gained' if change > 0 else 'lost'} most: {amount} {what}{of_before} against {than}, "
        f"by {found['model'].replace('_', ' ')}"
    )
    if found["campaign"]:
        said += f"; {found['campaign_share']:.0%} of that is the campaign {found['campaign']}"
    return said + "."


def _changes(
    reader: Reader, asked: Asked, model: str, column: str, channel: str | None
) -> list[dict[str, Any]]:
    bound = Bound()
    sums = ", ".join(
        f"sum(case when conversion_date {sign} {bound(asked.first)} then {value} else 0 end) as {measure}_{period}"
        for measure, value in (("conversions", "credit"), ("value", "coalesce(credited_value, 0)"))
        for period, sign in (("now", ">="), ("before", "<"))
    )
    condition = bound.credits(asked, asked.before) + f" and attribution_model = {bound(model)}"
    if channel is not None:
        condition += f" and channel = {bound(channel)}"
    rows = bound.run(
        reader,
        f"select {column} as name, {sums} from int_attribution_credits where {condition} group by {column}",
    ).to_pylist()
    for row in rows:
        for measure in ("conversions", "value"):
            row[f"{measure}_change"] = (row[f"{measure}_now"] or Decimal(0)) - (
                row[f"{measure}_before"] or Decimal(0)
            )
    return list(rows)
