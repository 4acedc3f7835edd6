"""explain: real builds of small histories, their facts on each engine, their pages as people read them."""

import shlex
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from product import Product
from rich.cells import cell_len

from headwater.errors import QueryError
from headwater.explain import Explanation, explain, page
from headwater.explain.words import percent, span

Event = dict[str, Any]


def event(event_id: str, device: str, at: str, name: str = "page_view", **columns: Any) -> Event:
    stamp = {"event_timestamp": f"2026-{at}Z", "event_id": event_id, "event_name": name}
    return {**stamp, "user_pseudo_id": device, **columns}


def money(value: str, order: str | None = None, currency: str | None = "EUR") -> Event:
    return {"value": value, "transaction_id": order, "currency": currency}


SPRING = {"source": "facebook", "medium": "paid_social", "campaign": "spring"}
AGAIN = SPRING | {"campaign": "spring retargeting"}

# Two devices that a login joins, a touch that is too old, one that is collapsed, a repeat, a refund.
ADA = [
    event("a1", "ada phone", "04-14T09:12:30", source="newsletter", medium="email", campaign="april"),
    event("a2", "ada phone", "04-24T18:40:00", page_location="https://shop.example/?gclid=abc"),
    event("a3", "ada laptop", "04-28T07:05:10", page_referrer="https://l.instagram.com/"),
    event("a4", "ada phone", "05-01T10:00:00", **SPRING),
    event("a5", "ada phone", "05-01T16:30:00", **AGAIN),
    event("a6", "ada phone", "05-01T16:31:00", "login", user_id="ada"),
    event("a7", "ada laptop", "05-02T11:58:00", user_id="ada"),
    event("4b7e19c2d0", "ada laptop", "05-02T12:05:00", "purchase", user_id="ada", **money("40", "T-1001")),
    event("4b7e19c2d1", "ada laptop", "05-02T12:06:10", "purchase", user_id="ada", **money("40", "T-1001")),
    event("a8", "ada laptop", "05-04T08:00:00", source="newsletter", medium="email", campaign="may"),
    event("a9", "back office", "05-06T08:00:00", "refund", **money("12.50", "T-1001")),
]

# One long session: its only touch is older than the lookback. The order has no number and no currency.
BOB = [
    event("b1", "bob", "04-01T22:30:00", source="Bing", medium="organic", ga_session_id=1),
    event("b2", "bob", "04-20T22:30:00", "purchase", ga_session_id=1, **money("9.9", currency=None)),
]

# Three steps share 100.00: the second is a click within the first session, the third the purchase itself.
EVE = [
    event("e1", "eve", "05-01T10:00:00", page_referrer="https://chatgpt.com/", ga_session_id=1),
    event("e2", "eve", "05-01T10:09:59", msclkid="m", ga_session_id=1),
    event("e3", "eve", "05-03T10:10:00", "purchase", fbclid="f", gclid="g", ga_session_id=2, **money("100")),
]

# Two channels take turns on one day: each is one step, and the steps overlap in time.
IDA = [
    event("i1", "ida", "05-01T10:00:00", **SPRING),
    event("i2", "ida", "05-01T11:00:00", gclid="g"),
    event("i3", "ida", "05-01T11:40:00", gclid="h", source="google", medium="cpc", campaign="brand"),
    event("i4", "ida", "05-01T12:20:00", **AGAIN),
    event("ida-buys", "ida", "05-01T12:25:00", "purchase", **money("8")),
]

# More touches than a page shows, twelve of them before the lookback.
MANY = [
    *(
        event(f"m{day}", "max", f"03-{day:02}T10:00:00", source=f"s{day}", medium="email")
        for day in range(1, 13)
    ),
    *(
        event(f"m{day}-{hour}", "max", f"04-{day:02}T{hour:02}:00:00", source=f"s{hour}", medium="email")
        for day in range(1, 15)
        for hour in (9, 12, 15)
    ),
    event("m-buys", "max", "04-14T20:00:00", "purchase", **money("1")),
]

# Names that mean something to SQL, a shell or a terminal; one order number for two conversions.
MALLORY = [
    event(
        "x1",
        "mal'l\"ory",
        "05-01T10:00:00",
        source="\x1b[31mred",
        campaign="日本語" * 20 + "\u202eevil\nline",
    ),
    event("x'2\"$(ls)", "mal'l\"ory", "05-01T10:01:00", "begin_checkout", **money("0", "T'; --")),
    event("x'3", "mal'l\"ory", "05-01T10:02:00", "purchase", **money("5", "T'; --")),
    event("x" * 120, "mal'l\"ory", "05-01T10:03:00", "purchase", **money("5", "T" * 120)),
]

SETTINGS = {"timezone": "Europe/Berlin", "attribution.conversion_events": ["purchase", "begin_checkout"]}


@pytest.fixture(scope="module")
def shop(own_warehouse: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("explained"), own_warehouse("explained"), SETTINGS)
    product.load(ADA + BOB + EVE + IDA + MANY + MALLORY)
    product.build(test=False)
    yield product
    product.close()


def facts_of(product: Product, wanted: str) -> Explanation:
    return explain(wanted, product.warehouse, product.settings)


def command(*words: str) -> str:
    return shlex.join(["headwater", *words])


def text_of(facts: Explanation, width: int = 80) -> str:
    return "\n".join(line.text for line in page(facts, width, command)) + "\n"


ADAS_PAGE = """\
purchase of 27.50 EUR, order T-1001
Sat 2 May 2026, 14:05:00 in Europe/Berlin (12:05:00 UTC)
One person on 2 devices, joined by user id ada
Id 4b7e19c2d0

40.00 less 12.50 refunded (1 refund, 6 May 2026) = 27.50 EUR.
The order was sent twice; the first one counts.

The journey, from the first touch known to the conversion

       ·  Tue 14 Apr 2026, 11:12:30    18 days 2 h before    on A
       │  Email: newsletter / email / april
       │  tagged; email as the medium (email-medium)
       │  left out: 4 days 2 h before the lookback of 14 days
       │
───────┼  Sat 18 Apr 2026, 14:05:00    the lookback of 14 days begins
       │
  step 1  Fri 24 Apr 2026, 20:40:00    7 days 17 h before    on A
       │  Paid Search: google / cpc
       │  gclid; a search site with a paid medium (paid-search)
       │
  step 2  Tue 28 Apr 2026, 09:05:10    4 days 4 h before     on B
       │  Organic Social: instagram.com / referral
       │  referrer l.instagram.com; a social site (organic-social-site)
       │
  step 3  Fri 1 May 2026, 12:00:00     1 day 2 h before      on A
       │  Paid Social: facebook / paid_social / spring
       │  tagged; a social site with a paid medium (paid-social)
       │
       +  Fri 1 May 2026, 18:30:00     19 h 35 min before    on A
       │  Paid Social: facebook / paid_social / spring retargeting
       │  tagged; a social site with a paid medium (paid-social)
       │  collapsed into step 3: same channel, same day
       │
  step 4  Sat 2 May 2026, 13:58:00     7 min before          on B
       │  Direct: (direct) / (none)
       │  nothing said; the visitor came directly (direct)
       │  ignored by last_click: direct
       │
       ◆  Sat 2 May 2026, 14:05:00                           on B
          purchase: 27.50 EUR

1 later touch not shown.

Credit, in EUR

                               first   last          position    time
                               click  click  linear     based   decay
  1  Paid Search                100%      -     25%       40%  15.40%
     google / cpc              27.50      -   6.875     11.00    4.23
  2  Organic Social                -      -     25%       10%  21.81%
     instagram.com / referral      -      -   6.875      2.75    6.00
  3  Paid Social                   -   100%     25%       10%  29.71%
     spring                        -  27.50   6.875      2.75    8.17
  4  Direct                        -      -     25%       40%  33.07%
     (direct) / (none)             -      -   6.875     11.00    9.10
                               ─────  ─────  ──────  ────────  ──────
     Sum                        100%   100%    100%      100%    100%
                               27.50  27.50  27.500     27.50   27.50

last_click credits the last touch of step 3: facebook / paid_social / spring
retargeting.
time_decay: rounded here. The amounts in the tables have nine decimals and add
up to 27.50 exactly.

Devices of this person

  A  ada phone
     Tue 14 Apr 2026, 11:12:30 to Fri 1 May 2026, 18:31:00, 4 sessions
     user id ada, seen on it from Fri 1 May 2026, 18:31:00 on
  B  ada laptop
     Tue 28 Apr 2026, 09:05:10 to Mon 4 May 2026, 10:00:00, 3 sessions
     user id ada, seen on it from Sat 2 May 2026, 13:58:00 on

Settings that decided

  attribution.lookback_days               14                default
  attribution.collapse_same_channel_day   true              default
  attribution.identity                    user              default
  attribution.channel_group               ga4               default
  attribution.ignore_direct               last_click        default
  attribution.half_life_days              7                 default
  timezone                                Europe/Berlin     headwater.toml

The same in a table:
  headwater query "select * from int_attribution_credits where conversion_id = '4b7e19c2d0'"
"""

BOBS_PAGE = """\
purchase of 9.90
Tue 21 Apr 2026, 00:30:00 in Europe/Berlin (Mon 20 Apr 2026, 22:30:00 UTC)
One device on which nobody has logged in
Id b2

The journey, from the first touch known to the conversion

       ·  Thu 2 Apr 2026, 00:30:00     19 days before        on A
       │  Organic Search: bing / organic
       │  tagged; a search site (organic-search-site)
       │  left out: 5 days before the lookback of 14 days
       │
───────┼  Tue 7 Apr 2026, 00:30:00     the lookback of 14 days begins
       │
  step 1  No touch lies within the lookback, so the conversion counts as Direct.
       │
       ◆  Tue 21 Apr 2026, 00:30:00                          on A
          purchase: 9.90

Credit

                        first   last          position   time
                        click  click  linear     based  decay
  1  Direct              100%   100%    100%      100%   100%
     (direct) / (none)   9.90   9.90    9.90      9.90   9.90
                        ─────  ─────  ──────  ────────  ─────
     Sum                 100%   100%    100%      100%   100%
                         9.90   9.90    9.90      9.90   9.90

"""

EVES_PAGE = """\
purchase of 100.00 EUR
Sun 3 May 2026, 12:10:00 in Europe/Berlin (10:10:00 UTC)
One device on which nobody has logged in
Id e3

The journey, from the first touch known to the conversion

  step 1  Fri 1 May 2026, 12:00:00     2 days before         on A
       │  AI Assistant: chatgpt / ai-assistant
       │  referrer chatgpt.com; the medium of AI assistants
       │  (ai-assistant-medium)
       │
  step 2  Fri 1 May 2026, 12:09:59     2 days before         on A
       │  Paid Search: bing / cpc
       │  msclkid, later in the same session; a search site with a paid medium
       │  (paid-search)
       │
  step 3  Sun 3 May 2026, 12:10:00     at the same moment    on A
       │  Paid Search: google / cpc
       │  gclid; a search site with a paid medium (paid-search)
       │  the conversion itself opens this touch
       │
       ◆  Sun 3 May 2026, 12:10:00                           on A
          purchase: 100.00 EUR

Credit, in EUR

                              first    last          position    time
                              click   click  linear     based   decay
  1  AI Assistant              100%       -  33.33%       40%  31.05%
     chatgpt / ai-assistant  100.00       -   33.33     40.00   31.05
  2  Paid Search                  -       -  33.33%       20%  31.07%
     bing / cpc                   -       -   33.33     20.00   31.07
  3  Paid Search                  -    100%  33.33%       40%  37.88%
     google / cpc                 -  100.00   33.33     40.00   37.88
                             ──────  ──────  ──────  ────────  ──────
     Sum                       100%    100%    100%      100%    100%
                             100.00  100.00  100.00    100.00  100.00

linear and time_decay: rounded here. The amounts in the tables have nine
decimals and add up to 100.00 exactly.

"""


@pytest.mark.bigquery
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("4b7e19c2d0", ADAS_PAGE), ("b2", BOBS_PAGE), ("e3", EVES_PAGE)],
    ids=[
        "left out, collapsed, two devices, refunded",
        "nothing in the lookback",
        "three shares of a hundred",
    ],
)
def test_page(shop: Product, wanted: str, expected: str) -> None:
    assert text_of(facts_of(shop, wanted)).startswith(expected)


def test_the_documentation_shows_a_real_page() -> None:
    shown = Path(__file__).parent.parent / "docs" / "explain.md"
    assert f"```text\n{ADAS_PAGE}```\n" in shown.read_text(encoding="utf-8")


def test_page_of_many_touches_leaves_out_what_matters_least(shop: Product) -> None:
    text = text_of(facts_of(shop, "m-buys"))
    first, eleven, edge, opening, fourteen = (
        text.index(part)
        for part in (
            "  ·  Sun 1 Mar 2026, 11:00:00",
            "⋮  … 11 more touches",
            "───────┼  Tue 31 Mar 2026, 22:00:00",
            "  step 1  Wed 1 Apr 2026, 11:00:00",
            "⋮  … 14 more touches",
        )
    )
    assert first < eleven < edge < opening < fourteen
    assert text.count(" on A\n") == 30 + 1  # and the conversion


@pytest.mark.parametrize("width", [80, 100])
def test_no_line_is_wider_than_the_page(shop: Product, width: int) -> None:
    for wanted in ("4b7e19c2d0", "b2", "e3", "m-buys", "x'3", "x" * 120):
        lines = text_of(facts_of(shop, wanted), width).splitlines()
        assert [line for line in lines if cell_len(line) > width and "headwater query" not in line] == []


def test_what_events_bring_cannot_steer_a_terminal_or_a_shell(shop: Product) -> None:
    text = text_of(facts_of(shop, "x'2\"$(ls)"))
    assert [letter for letter in text if not letter.isprintable() and letter != "\n"] == []
    assert "\\x1b[31mred" in text
    [pasted] = [line for line in text.splitlines() if line.startswith("  headwater query")]
    _, _, sql = shlex.split(pasted)
    assert {row["conversion_id"] for row in shop.rows(sql)} == {"x'2\"$(ls)"}


def test_touches_of_steps_that_overlap(shop: Product) -> None:
    fates = [(touch.fate, touch.step_number) for touch in facts_of(shop, "ida-buys").touches]
    assert fates == [("opens step", 1), ("opens step", 2), ("joins step", 2), ("joins step", 1)]


def test_facts_add_up(shop: Product) -> None:
    for wanted in ("4b7e19c2d0", "b2", "e3", "ida-buys", "m-buys", "x'3"):
        facts = facts_of(shop, wanted)
        models = {one.attribution_model for one in facts.credits}
        assert models == set(shop.settings.attribution.models)
        for model in models:
            of_model = [one for one in facts.credits if one.attribution_model == model]
            assert sum(one.credit for one in of_model) == 1
            assert sum(one.credited_value or 0 for one in of_model) == facts.conversion.conversion_value
        for step in facts.steps:
            in_step = [touch for touch in facts.touches if touch.step_number == step.step_number]
            assert len(in_step) == step.touch_count


def test_an_order_is_found_by_its_number_its_repeat_and_the_beginning_of_its_id(shop: Product) -> None:
    for wanted, repeat in (("4b7e19c2d0", None), ("T-1001", None), ("4b7e19c2d1", "4b7e19c2d1")):
        facts = facts_of(shop, wanted)
        assert (facts.conversion.conversion_id, facts.repeat_asked_for) == ("4b7e19c2d0", repeat)
    assert facts_of(shop, "4b7e19").conversion.conversion_id == "4b7e19c2d0"
    told = text_of(facts_of(shop, "4b7e19c2d1"))
    assert "The order was sent twice; the first one counts. 4b7e19c2d1 is a repeat of it." in told


@pytest.mark.bigquery
@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("nobody's", 'There is no conversion "nobody\'s"; `headwater query'),
        (
            "4b7",
            "There is no conversion '4b7' (the beginning of an id does from 6 characters on); `headwater",
        ),
        ("4b7e19_", "There is no conversion '4b7e19_'; `headwater query"),
        ("a1", "'a1' is a page_view event, which is no conversion (attribution.conversion_events says"),
        (
            "T'; --",
            "could be x'2\"$(ls) (begin_checkout, 2026-05-01 10:01 UTC), x'3 (purchase, 2026-05-01 10:02",
        ),
    ],
)
def test_what_names_no_conversion(shop: Product, wanted: str, sentence: str) -> None:
    with pytest.raises(QueryError) as raised:
        facts_of(shop, wanted)
    assert sentence in str(raised.value)


def test_before_the_first_build(new_product: Callable[..., Product]) -> None:
    product = new_product()
    product.load(BOB)
    with pytest.raises(QueryError, match="`headwater build`"):
        facts_of(product, "b2")


OTHER_SETTINGS = {
    "reporting_currency": "EUR",
    "attribution.identity": "device",
    "attribution.collapse_same_channel_day": False,
    "attribution.channel_group": "simple",
    "attribution.lookback_days": 1,
    "attribution.models": ["linear"],
    "channel_rules": [{"channel": "Partners", "source": "partner-[0-9]+"}],
    "exchange_rates": [
        {"rate_date": "2026-05-01", "currency": "USD", "rate": "0.92"},
        {"rate_date": "2026-05-03", "currency": "USD", "rate": "0.5"},
    ],
}
# Bought in dollars on Saturday, refunded in dollars and in euros; then orders without a rate or a value left.
ZOE = [
    event("z0", "zoe phone", "05-01T08:00:00", source="partner-7", user_id="zoe"),
    event("z1", "zoe", "05-01T18:00:00", source="partner-7", medium="cpc", user_id="zoe"),
    event("z2", "zoe", "05-01T19:00:00", source="partner-8", medium="cpc", user_id="zoe"),
    event("z3", "zoe", "05-02T17:00:00", "purchase", user_id="zoe", **money("100", "Z1", "USD")),
    event("z4", "zoe", "05-05T17:00:00", "refund", **money("-10", "Z1", "USD")),
    event("z5", "zoe", "05-06T17:00:00", "refund", **money("0.80", "Z1")),
    event("z6", "zoe", "05-02T17:30:00", "purchase", **money("7", "Z2", "CHF")),
    event("z7", "zoe", "05-02T18:00:00", "purchase", **money("7", "Z3")),
    event("z8", "zoe", "05-02T18:30:00", "refund", **money("0", "Z3")),
    event("z9", "zoe", "05-02T18:40:00", "purchase", **money("7", "Z4")),
    event("z10", "zoe", "05-02T18:50:00", "refund", **money("9", "Z4")),
]


@pytest.mark.bigquery
def test_page_with_other_settings(new_product: Callable[..., Product]) -> None:
    product = new_product(OTHER_SETTINGS)
    product.load(ZOE)
    product.build(test=False)
    told = text_of(facts_of(product, "Z1"))
    for part in (
        "100.00 USD at 0.92 (the rate of 2026-05-01) = 92.00, less 10.00 refunded (2\n"
        "refunds, 5 May 2026 and 6 May 2026) = 82.00 EUR.\n",
        "purchase of 82.00 EUR, order Z1\nSat 2 May 2026, 17:00:00 UTC\n"
        "One device, not joined with others (identity = device)\n",
        "  step 1  Fri 1 May 2026, 18:00:00     23 h before           on A\n"
        "       │  Partners: partner-7 / cpc\n"
        "       │  tagged; your own rule 1: source matches partner-[0-9]+ (custom-1)\n",
        "  step 2  Fri 1 May 2026, 19:00:00 ",
        "  A  zoe\n",
        "a person of its own: user ids are not looked at",
        "  reporting_currency                      EUR               headwater.toml\n",
    ):
        assert part in told, told
    assert "zoe phone" not in told
    no_rate = facts_of(product, "Z2")
    assert no_rate.conversion.conversion_value is None
    assert {one.credited_value for one in no_rate.credits} == {None}
    told = text_of(no_rate)
    assert "purchase without a value, order Z2\n" in told
    assert "No value in EUR: no rate for CHF in the week up to 2026-05-02:\n" in told
    assert "\n  headwater rates FILE.csv\n" in told
    assert "7.00, all of it taken back by a refund without a value (2 May 2026) = 0.00 EUR." in text_of(
        facts_of(product, "Z3")
    )
    assert "7.00 less 9.00 refunded (1 refund, 2 May 2026), never below 0, = 0.00 EUR." in text_of(
        facts_of(product, "Z4")
    )


def test_what_the_tables_do_not_hold_yet_is_said(new_product: Callable[..., Product]) -> None:
    product = new_product()
    product.load(BOB)
    product.build(test=False)
    assert "since the last build" not in text_of(facts_of(product, "b2"))
    product.load(ADA)
    product.load(EVE)
    told = facts_of(product, "b2")
    assert told.freshness.batches_since_build == 2
    assert "2 batches have arrived since the last build: headwater build\n" in text_of(told)
    attribution = product.settings.attribution.model_copy(update={"lookback_days": 30})
    changed = product.settings.model_copy(update={"attribution": attribution})
    told = explain("b2", product.warehouse, changed)
    assert "Settings, models or rates have changed since the last build: headwater build" in text_of(told)
    assert "left out by the last build, which had other settings" in text_of(told)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(microseconds=1), "less than a second"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(hours=1, seconds=59), "1 h"),
        (timedelta(days=1, hours=2, minutes=3), "1 day 2 h"),
        (timedelta(days=14), "14 days"),
    ],
)
def test_span(length: timedelta, words: str) -> None:
    assert span(length) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [
        ("0", "0%"),
        ("1", "100%"),
        ("0.5", "50%"),
        ("0.154", "15.40%"),
        ("0.333333333333", "33.33%"),
        ("0.000000000001", "<0.01%"),
        ("0.999999999999", ">99.99%"),
    ],
)
def test_percent(share: str, words: str) -> None:
    assert percent(Decimal(share)) == words
