"""Drawings of little: one day, few minutes, nothing."""

import re
from typing import Any

import pytest

from headwater.dashboard.charts.lines import Line, lines
from headwater.dashboard.charts.states import LAMPS, heading
from headwater.dashboard.charts.timeline import road, strip


def drawn(values: list[float], *, are_whole: bool = False) -> str:
    days = [f"{number + 1} May" for number in range(len(values))]
    return lines(
        days, [Line("Linear", "#123456", values)], lambda number: f"{number:g}", days, are_whole=are_whole
    )


def labels(markup: str) -> list[str]:
    return re.findall(r'class="x(?: odd)?"[^>]*>([^<]*)<', markup)


def test_one_day_is_a_point_in_the_middle() -> None:
    markup = drawn([5.0])
    assert re.findall(r'class="pt" style="left:([\d.]+)%', markup) == ["50.00"]
    assert 'class="pt"' not in drawn([5.0] * 14)


@pytest.mark.parametrize("count", [1, 2, 6, 7, 13, 14, 31, 90])
def test_the_last_day_has_its_label(count: int) -> None:
    assert labels(drawn([1.0] * count))[-1] == f"{count} May"
    assert len(labels(drawn([1.0] * count))) <= 6
    last = re.findall(r'class="(x(?: odd)?)"', drawn([1.0] * count))[-1]
    assert last == "x"  # also on a phone, which leaves out every second


def test_nothing_has_no_scale_and_conversions_have_whole_ones() -> None:
    assert re.findall(r'class="y"[^>]*>([^<]*)<', drawn([0.0, 0.0])) == ["0"]
    assert re.findall(r'class="y"[^>]*>([^<]*)<', drawn([1.0, 0.0], are_whole=True)) == [
        "0",
        "1",
        "2",
        "3",
        "4",
    ]


def told(*touches: tuple[str, str, int]) -> dict[str, Any]:
    return {
        "conversion": {
            "conversion_at": "2026-05-15T12:00:00Z",
            "conversion_event": "purchase",
            "conversion_value": 5,
            "currency": "EUR",
        },
        "lookback_from": "2026-05-01T12:00:00Z",
        "later_touches": 0,
        "touches": [
            {
                "touch_at": at,
                "fate": fate,
                "step_number": step,
                "channel": "Email",
                "channel_rule_reads": "",
                **dict.fromkeys(("source", "medium", "campaign", "said_by", "click_id", "referrer_host")),
            }
            for at, fate, step in touches
        ],
    }


def gaps(markup: str) -> list[float]:
    return [float(share) for share in re.findall(r"flex-grow:([\d.]+)", markup)]


def test_a_short_journey_fills_its_line() -> None:
    markup = strip(
        told(
            ("2026-05-15T11:59:00Z", "opens step", 1),
            ("2026-05-15T11:59:30Z", "joins step", 1),
            ("2026-05-15T11:59:45Z", "opens step", 2),
        ),
        "UTC",
    )
    assert "lookback begins" not in markup
    assert gaps(markup) == [500, 250, 250]
    assert "1 min from the first touch to the conversion" in markup
    assert 'class="out"' in markup


def test_a_long_journey_is_on_a_line_with_its_lookback() -> None:
    markup = strip(
        told(("2026-04-24T12:00:00Z", "before lookback", 0), ("2026-05-08T12:00:00Z", "opens step", 1)), "UTC"
    )
    assert markup.index("out") < markup.index("lookback begins") < markup.index("Conversion")
    assert gaps(markup) == pytest.approx([1000 / 3] * 3, abs=0.1)
    assert strip(told(), "UTC").count("lookback begins") == 1  # also without any touch


def test_below_an_hour_seconds_tell_stops_apart() -> None:
    markup = road(
        told(("2026-05-15T09:00:00Z", "opens step", 1), ("2026-05-15T11:58:55Z", "opens step", 2)), "UTC"
    )
    assert "15 May, 09:00<" in markup
    assert "3 h before" in markup
    assert "15 May, 11:58:55" in markup
    assert "1 min 5 s before" in markup
    assert "15 May, 12:00:00" in markup


@pytest.mark.parametrize("state", LAMPS)
def test_the_lamp(state: str) -> None:
    colours = {"fresh": "green", "behind": "yellow", "alert": "yellow", "stopped": "red"}
    freshness = {"state": state, "published_at": None}
    assert f'class="lamp {colours[state]}"' in heading("Live", freshness, None)
    assert 'class="lamp red"' in heading("Live", freshness, None, is_answered=False)
    assert 'class="lamp red"' in heading("Live", None, None)
