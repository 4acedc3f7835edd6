"""What is played: persons who come from different places and look around, and some of them buy."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count, islice, repeat
from typing import Any

from headwater.stream.run import Run

Event = dict[str, Any]

PAUSE = 250_000  # microseconds from one event of the demo to the next
_LONG_ACT = 60  # events: steady traffic is one such act after the other

_SHOP = "https://shop.example"
CURRENCY = "USD"  # that of the synthetic history, which the demo goes on from
_GOODS = (
    ("Walking boots", "129.00"),
    ("Rain jacket", "89.50"),
    ("Wool socks", "14.90"),
    ("Map case", "24.00"),
)


@dataclass(frozen=True)
class Origin:
    words: str
    tags: str = ""
    referrer: str | None = None


AD = Origin("a Google ad", "?gclid=demo{click}", "https://www.google.com/")
NEWSLETTER = Origin("the newsletter", "?utm_source=newsletter&utm_medium=email&utm_campaign=demo-autumn")
SEARCH = Origin("a search", referrer="https://www.google.com/")
POST = Origin("a post", "?utm_source=instagram&utm_medium=social&utm_campaign=demo-looks")
DIRECT = Origin("nowhere known")

# A person's visits: where from, and how far: 1 looks, 2 fills the cart, 3 buys.
Plot = tuple[tuple[Origin, int], ...]
_PLOTS: tuple[Plot, ...] = (
    ((AD, 1), (NEWSLETTER, 3)),
    ((SEARCH, 3),),
    ((POST, 2),),
    ((DIRECT, 3),),
    ((POST, 1), (SEARCH, 1), (DIRECT, 3)),
    ((SEARCH, 1), (AD, 2)),
    ((NEWSLETTER, 1),),
)
_OPENING = 4  # plots that come first, whatever the seed: every origin is in them


@dataclass(frozen=True)
class Step:
    event: Event  # canonical, but for its time
    person: int
    words: str


def demo(run: Run, seed: int, length: int) -> list[Step]:
    """The events of a run, each with its time."""
    steps = _act(f"demo-{run.name}", random.Random(seed), length, run.started_at // 1_000_000)
    for place, step in enumerate(steps):
        step.event["event_timestamp"] = run.started_at + place * PAUSE
    return steps


def traffic(run: Run, seed: int) -> Iterator[Event]:
    """Events without an end, and without their times."""
    chance, at = random.Random(seed), run.started_at // 1_000_000
    for number in count(1):
        for step in _act(f"load-{run.name}-{number}", chance, _LONG_ACT, at):
            yield step.event


def _act(name: str, chance: random.Random, length: int, at: int) -> list[Step]:
    more = (chance.choice(_PLOTS) for _ in repeat(None))
    persons: list[list[Step]] = []
    left = length
    for number, plot in enumerate(chain(_PLOTS[:_OPENING], more), start=1):
        persons.append(list(islice(_person(name, number, plot, chance, at), left)))
        left -= len(persons[-1])
        if not left:
            break
    steps = []
    for place in range(1, length + 1):
        waiting = [person for person in persons if person]
        step = chance.choice(waiting[:_OPENING]).pop(0)
        step.event["event_id"] = f"{name}-{place}"
        steps.append(step)
    return steps


def _person(name: str, number: int, plot: Plot, chance: random.Random, at: int) -> Iterator[Step]:
    for visit, (origin, depth) in enumerate(plot, start=1):
        goods, price = chance.choice(_GOODS)
        page = f"{_SHOP}/{goods.lower().replace(' ', '-')}"
        click = f"{chance.getrandbits(48):012x}"
        shared: Event = {
            "user_pseudo_id": f"{name}-{number}",
            "ga_session_id": at + visit,
            "ga_session_number": visit,
            "batch_page_id": at * 1000 + visit,
        }
        landing: Event = {
            "page_location": page + origin.tags.format(click=click),
            "params": {"page_title": goods},
        }
        if origin.referrer:
            landing["page_referrer"] = origin.referrer
        yield _step(number, shared, 1, "page_view", landing, f"comes from {origin.words}")
        if depth > 1:
            cart: Event = {"page_location": page, "params": {"page_title": goods}}
            yield _step(number, shared, 2, "add_to_cart", cart, f"takes {goods.lower()}")
        if depth > 2:
            order: Event = {
                "page_location": f"{_SHOP}/thanks",
                "value": price,
                "currency": CURRENCY,
                "transaction_id": f"{name}-{number}-{visit}",
            }
            yield _step(number, shared, 3, "purchase", order, f"buys for {price} {CURRENCY}")


def _step(person: int, shared: Event, place: int, event_name: str, own: Event, words: str) -> Step:
    return Step({"event_name": event_name, **shared, "batch_ordering_id": place, **own}, person, words)
