"""What has moved most since the days before, and what in it: in one sentence, in the measure that is shown."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from headwater.dashboard import figures

Row = Mapping[str, Any]
Facts = Mapping[str, Any]

_MOSTLY = 0.5  # of the channel's change: less than that is not why


def found(now: Iterable[Row], before: Iterable[Row], model: str, measure: str) -> Facts | None:
    """As `moved` of the API's overview says it, of rows by channel and campaign. Null where nothing has moved."""
    sums: dict[bool, dict[str, float]] = {True: defaultdict(float), False: defaultdict(float)}
    campaigns: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for is_now, rows in ((True, now), (False, before)):
        for row in rows:
            value = float(row[f"{model}_{measure}"])
            sums[is_now][row["channel"]] += value
            campaigns[row["channel"]][row["campaign"] or ""] += value if is_now else -value
    changes = {name: sums[True][name] - sums[False][name] for name in {*sums[True], *sums[False]}}
    if not any(abs(change) > 1e-9 for change in changes.values()):
        return None
    channel = min(changes, key=lambda name: (-abs(changes[name]), name))
    shares = {name: change / changes[channel] for name, change in campaigns[channel].items()}
    campaign = min(shares, key=lambda name: (-shares[name], name))
    is_why = bool(campaign) and shares[campaign] >= _MOSTLY
    return {
        "channel": channel,
        "measure": measure,
        "model": model,
        "now": sums[True][channel],
        "before": sums[False][channel],
        "campaign": campaign if is_why else None,
        "campaign_share": min(shares[campaign], 1.0) if is_why else None,
    }


def sentence(facts: Facts, days: int, currency: str | None) -> str:
    now, before = float(facts["now"]), float(facts["before"])
    change = now - before
    amount = abs(change)
    if facts["measure"] == "value":
        what = f"{figures.sum_of_money(amount, currency)} of revenue"
    else:
        what = f"{figures.count(amount)} conversion{'' if figures.count(amount) == '1' else 's'}"
    share = figures.change(change / before) if before else "there was none before"
    than = "the day before" if days == 1 else f"the {days} days before"
    model = figures.model(facts["model"]).lower()
    said = f"{facts['channel']} {'gained' if change > 0 else 'lost'} most: {what} ({share}) against {than}, by {model}"
    if facts["campaign"]:
        said += f"; {figures.percent(facts['campaign_share'], 0)} of that is the campaign {facts['campaign']}"
    return said + "."
