"""Every visit of everyone, as one table of numbers: when, on which device, from where, how far it went.

All that is true of a visit is decided here; the events (script) and the truth are two readings of this table.
"""

from dataclasses import dataclass, fields
from datetime import date

import numpy as np

from headwater.sources.synthetic.dice import Bools, Floats, Ints, Salts, pick, roll, weighted
from headwater.sources.synthetic.origins import (
    DIRECT,
    LETTERS,
    NEWCOMERS,
    PULL,
    RETURNERS,
    SECOND_CLICKS,
    SPEAKS,
)
from headwater.sources.synthetic.people import People
from headwater.sources.synthetic.rhythm import DAY, MINUTE, SECOND, midnight, moments

# How far a visit goes.
BROWSED, CARTED, CHECKED_OUT, BOUGHT = 0, 2, 3, 4

_MOST_VISITS = 60
_MOST_PAGES = 16
_BUYS = 0.021
# Between two visits of a device, from the end of one to the start of the next: more than the session timeout.
_APART = 31 * MINUTE
# A tick is 8 µs; the rest of a time is the device's slot: no two events of a person are at the same time.
TICK = 8


@dataclass(frozen=True)
class Visits:
    start: Ints  # µs since 1970, of the session's first moment
    length: Ints  # µs; the last event is before start + length
    pages: Ints
    person: Ints
    device: Ints
    origin: Ints
    second_page: Ints  # the page that a second click led to, or -1
    second_origin: Ints
    depth: Ints
    add_page: Ints  # where something went into the cart, or -1; cart, checkout and thanks follow it
    login_page: Ints  # or -1
    remembered: Bools  # signed in from the first event on
    headless: Bools  # session_start and first_visit were lost
    late: Bools  # the events of the last page came with the next day's export
    nameless: Bools  # consent denied: known by nothing but its session
    salt: Salts
    number: Ints  # ga_session_number
    session_id: Ints
    acquired: Ints  # the origin that GA4 holds to have won this device
    first_touch: Ints  # µs: when GA4 first saw this device
    credited: Ints  # the origin that GA4's last non-direct click names for this session

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Ints | Bools) -> "Visits":
        return Visits(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def page_start(self, rows: Ints, page: Ints) -> Ints:
        """When a visit came to its nth page: pages share its length, each starting somewhat late."""
        share = self.length[rows] / self.pages[rows]
        delay = np.where(page > 0, 0.6 * roll(self.salt[rows], 1000 + page), 0.0)
        return self.start[rows] + (share * (page + delay)).astype(np.int64) // TICK * TICK

    def first_event(self) -> Ints:
        return self.start + np.where(self.headless, PAGE_VIEW_DELAY, 0)

    def says_something(self) -> Bools:
        """Whether any event of the visit speaks: its origin, or a second click."""
        speaks: Bools = SPEAKS[self.origin] | ((self.second_page >= 0) & SPEAKS[self.second_origin])
        return speaks


PAGE_VIEW_DELAY = 4 * TICK  # page_view comes just after session_start and first_visit


def draw_visits(rng: np.random.Generator, people: People, start_day: date, days: int) -> Visits:
    first_moment = midnight(start_day)
    person, when = _appointments(rng, people, start_day, days)
    count = len(person)
    is_first = np.diff(person, prepend=-1) != 0
    at_first_device = rng.random(count) < 0.65
    another = (rng.random(count) * people.device_count[person]).astype(np.int64)
    device = people.first_device[person] + np.where(at_first_device, 0, another)

    new_here = is_first & (people.known_days[device] == 0)
    draw = rng.random(count)
    origin = np.where(new_here, weighted(draw, NEWCOMERS), weighted(draw, RETURNERS))
    letter_of_the_week = LETTERS[(when // (7 * DAY)) % len(LETTERS)]
    origin = np.where(np.isin(origin, LETTERS), letter_of_the_week, origin)

    salt = rng.integers(0, 2**64, count, dtype=np.uint64)
    depth = _depth(rng.random(count), PULL[origin] * np.where(is_first, 0.8, 1.3))
    browsed = np.minimum(rng.geometric(0.48, count), _MOST_PAGES)
    add_page = np.where(depth > BROWSED, browsed - 1, -1)
    after_purchase = np.where(depth == BOUGHT, rng.integers(0, 3, count), 0)
    pages = browsed + np.where(depth > BROWSED, depth - 1, 0) + after_purchase
    per_page = np.clip(rng.lognormal(np.log(55), 0.9, count), 10, 14 * 60) * SECOND
    length = (per_page * pages).astype(np.int64)

    # What would run past the last day's end starts sooner.
    start = first_moment + np.minimum(when, days * DAY - SECOND - length)
    start = start // TICK * TICK + people.slot[device]

    nameless = people.refuses[person]
    with_account = people.has_account[person]
    logs_in = with_account & (roll(salt, 1) < np.where(depth >= CHECKED_OUT, 0.75, 0.35))
    login_page = np.where(logs_in, np.where(depth >= CHECKED_OUT, add_page + 2, np.minimum(1, pages - 1)), -1)
    same_day = (start - first_moment) // DAY == (start + length - first_moment) // DAY
    not_last_day = (start - first_moment) // DAY < days - 1
    visits = Visits(
        start=start,
        length=length,
        pages=pages,
        person=person,
        device=device,
        origin=origin,
        second_page=_second_page(salt, pages, add_page, depth),
        second_origin=_second_origin(salt, origin),
        depth=depth,
        add_page=add_page,
        login_page=login_page,
        remembered=with_account & ~logs_in & (roll(salt, 4) < 0.25),
        headless=roll(salt, 5) < 0.01,
        late=(roll(salt, 6) < 0.004) & same_day & not_last_day & (pages > 1),
        nameless=nameless,
        salt=salt,
        number=np.zeros(count, np.int64),
        session_id=start // SECOND,
        acquired=np.zeros(count, np.int64),
        first_touch=start.copy(),
        credited=origin.copy(),
    )
    return _as_ga4_knows_them(rng, people, _kept_apart(visits))


def _appointments(rng: np.random.Generator, people: People, start_day: date, days: int) -> tuple[Ints, Ints]:
    """Persons and the moments of their visits (µs from the first day), by person and time.

    Visits are drawn in a time that runs evenly and then bent to the shop's rhythm. How often one comes has a
    heavy tail; who comes often comes at shorter intervals.
    """
    persons = len(people.place)
    often = np.minimum(np.floor((1 - rng.random(persons)) ** (-1 / 1.65)), _MOST_VISITS).astype(np.int64)
    person = np.repeat(np.arange(persons), often)
    first = np.cumsum(often) - often
    wait = rng.exponential(1, len(person)) * (9 / days) / often[person] ** 0.6
    wait[first] = rng.random(persons)
    run = np.cumsum(wait)
    # What runs past the end goes on from the beginning, so that the growth is the shop's and not an accident.
    even: Floats = (run - (run[first] - wait[first])[person]) % 1
    when = moments(even, start_day, days)
    order = np.lexsort((when, person))
    return person[order], when[order]


def _depth(chance: Floats, pull: Floats) -> Ints:
    buys = _BUYS * pull
    return np.select(
        [chance < buys, chance < 1.9 * buys, chance < 4.5 * buys], [BOUGHT, CHECKED_OUT, CARTED], BROWSED
    ).astype(np.int64)


def _second_page(salt: Salts, pages: Ints, add_page: Ints, depth: Ints) -> Ints:
    """Now and then a visitor comes back by another campaign within the session, never amid a checkout."""
    page = 1 + pick(salt, 7, 1 << 20) % np.maximum(pages - 1, 1)
    amid_checkout = (depth > BROWSED) & (page >= add_page) & (page < add_page + depth)
    return np.where((roll(salt, 8) < 0.05) & (pages > 1) & ~amid_checkout, page, -1)


def _second_origin(salt: Salts, origin: Ints) -> Ints:
    """Often the same advertisement once more, which is no news; else any other."""
    once_more = SPEAKS[origin] & (roll(salt, 9) < 0.3)
    return np.where(once_more, origin, weighted(roll(salt, 3), SECOND_CLICKS))


def _kept_apart(visits: Visits) -> Visits:
    """Without the visits that begin too soon after another on the same device; by device and time."""
    visits = visits.take(np.lexsort((visits.start, visits.device)))
    # Devices are laid one after the other on one line of time, so that one running maximum serves them all.
    line = visits.start - visits.start.min()
    shift = visits.device * (int((line + visits.length).max()) + 2 * _APART)
    busy_until = np.maximum.accumulate(line + visits.length + shift)
    apart = np.ones(len(visits), np.bool_)
    apart[1:] = (line + shift)[1:] > busy_until[:-1] + _APART
    return visits.take(apart)


def _as_ga4_knows_them(rng: np.random.Generator, people: People, visits: Visits) -> Visits:
    """With session numbers, session ids, first touches and credited origins; by time."""
    count = len(visits)
    place = np.arange(count)
    opens_device = np.diff(visits.device, prepend=-1) != 0
    first = np.maximum.accumulate(np.where(opens_device, place, 0))

    known_days = people.known_days[visits.device]
    visits.number[:] = 1 + place - first + np.where(known_days > 0, 1 + known_days // 60, 0)
    visits.first_touch[:] = visits.start[first] - known_days * DAY
    won_before = weighted(rng.random(len(people.person)), np.where(SPEAKS, NEWCOMERS, 0.0))[visits.device]
    visits.acquired[:] = np.where(known_days > 0, won_before, visits.origin[first])

    last_spoken = np.maximum.accumulate(np.where(SPEAKS[visits.origin] | visits.nameless, place, first))
    visits.credited[:] = visits.origin[last_spoken]

    visits.acquired[visits.nameless] = DIRECT
    nameless = np.flatnonzero(visits.nameless)
    nameless = nameless[np.argsort(visits.session_id[nameless], kind="stable")]
    visits.session_id[nameless] = _all_different(visits.session_id[nameless])
    return visits.take(np.argsort(visits.start, kind="stable"))


def _all_different(ascending: Ints) -> Ints:
    """Each number moved up just as far as it must be: a session known by nothing but its id needs its own."""
    steps = np.arange(len(ascending))
    return np.maximum.accumulate(ascending - steps) + steps
