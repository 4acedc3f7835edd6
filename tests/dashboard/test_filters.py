"""Filters and the address of a page are the same thing."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from headwater.dashboard.filters import MANY, Filters, compared, read

MODELS = ("first_click", "last_click", "linear")
values = st.lists(st.text(max_size=20).filter(lambda text: "\0" not in text), unique=True, max_size=4).map(
    tuple
)
days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(st.tuples(days, days).map(sorted), *[values] * 5, st.sets(st.sampled_from(MODELS)))
def test_what_is_written_is_read(dates, event, channel, source, medium, campaign, models) -> None:  # type: ignore[no-untyped-def]
    chosen = Filters(*dates, event, channel, source, medium, campaign, tuple(sorted(models)))
    assert read(chosen.in_url(), MODELS) == chosen


def test_an_address_that_means_nothing_narrows_nothing() -> None:
    nonsense = {
        "from": ["2026-05-09"],
        "to": ["2026-05-01"],
        "model": ["magic", "linear"],
        "campaign": ["\0", "x" * 1001, "spring", "spring"],
        "colour": ["red"],
    }
    assert read(nonsense, MODELS) == Filters(model=("linear",), campaign=("spring",))
    assert read({"from": ["2026-05-01"]}, MODELS) == Filters()
    assert read({"from": ["20260501"], "to": ["2026-W01-1"]}, MODELS) == Filters()


def test_nothing_chosen_leaves_the_address_empty() -> None:
    assert Filters().in_url() == {}
    assert Filters().params() == []


def test_a_question_has_what_is_chosen() -> None:
    chosen = Filters(date(2026, 5, 1), date(2026, 5, 2), campaign=("", "a b"), model=("linear",))
    assert chosen.params(models=("first_click",)) == [
        ("from", "2026-05-01"),
        ("to", "2026-05-02"),
        ("campaign", ""),
        ("campaign", "a b"),
        ("model", "first_click"),
    ]
    assert set(MANY) == {"conversion_event", "channel", "source", "medium", "campaign", "model"}


def test_the_usual_dates_are_those_of_the_api() -> None:
    today = date(2026, 5, 20)
    assert Filters().dates(date(2026, 5, 14), today) == (date(2026, 5, 1), date(2026, 5, 14))
    assert Filters().dates(date(2026, 6, 14), today)[1] == today
    assert Filters().dates(None, today)[1] == today


def test_drilling_down_goes_from_channel_to_campaign() -> None:
    assert Filters().level == "channel"
    assert Filters(channel=("Email",)).level == "source"
    assert Filters(channel=("Email", "Direct")).level == "channel"
    assert Filters(channel=("Email",), source=("",)).level == "medium"
    assert Filters(channel=("a",), source=("b",), medium=("c",), campaign=("d",)).level == "campaign"


def test_two_models_are_compared_or_as_many_as_are_chosen() -> None:
    assert compared((), MODELS) == ("first_click", "last_click")
    assert compared(("linear",), MODELS) == ("last_click", "linear")
    assert compared(("last_click",), MODELS) == ("first_click", "last_click")
    assert compared(("first_click",), MODELS) == ("first_click", "last_click")
    assert compared(("linear", "first_click"), MODELS) == ("first_click", "linear")
    assert compared(("linear", "last_click", "first_click"), MODELS) == MODELS
    assert compared((), ("linear", "last_click")) == ("last_click", "linear")
    assert compared((), ("linear",)) == compared(("linear",), ("linear",)) == ("linear",)
    assert compared(("first_click",), ("first_click", "linear")) == ("first_click", "linear")
