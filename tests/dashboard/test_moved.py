"""The sentence above the Overview: in the measure that is shown, and why, where one campaign is most of it."""

from typing import Any

from headwater.dashboard.moved import found, sentence


def row(channel: str, campaign: str | None, conversions: float, value: float) -> dict[str, Any]:
    return {
        "channel": channel,
        "campaign": campaign,
        "last_click_conversions": conversions,
        "last_click_value": value,
    }


NOW = [row("Email", "spring", 12, 10), row("Email", None, 2, 10), row("Display", "brand", 1, 9000)]
BEFORE = [row("Email", "spring", 4, 10), row("Email", None, 1, 10), row("Display", "brand", 1, 8000)]


def test_each_measure_has_its_own() -> None:
    conversions = found(NOW, BEFORE, "last_click", "conversions")
    value = found(NOW, BEFORE, "last_click", "value")
    assert conversions
    assert value
    assert sentence(conversions, 14, "USD") == (
        "Email gained most: 9 conversions (+180.0%) against the 14 days before, by last click; "
        "89% of that is the campaign spring."
    )
    assert sentence(value, 1, "USD") == (
        "Display gained most: $1,000 of revenue (+12.5%) against the day before, by last click; "
        "100% of that is the campaign brand."
    )


def test_what_is_gone_and_what_is_new() -> None:
    lost = found([], [row("Email", None, 1, 5)], "last_click", "conversions")
    new = found([row("Email", None, 1, 5)], [], "last_click", "value")
    assert lost
    assert new
    assert sentence(lost, 7, None) == (
        "Email lost most: 1 conversion (-100.0%) against the 7 days before, by last click."
    )
    assert "$5.00 of revenue (there was none before)" in sentence(new, 7, "USD")


def test_nothing_has_moved() -> None:
    assert found(NOW, NOW, "last_click", "value") is None
    assert found([], [], "last_click", "conversions") is None
