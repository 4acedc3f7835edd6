"""Who visits: persons, the devices they use, and which of them have an account or refuse consent."""

from dataclasses import dataclass

import numpy as np

from headwater.sources.synthetic.dice import Bools, Ints, weighted

_DEVICES_PER_PERSON = [0.72, 0.22, 0.06]
_HAVE_AN_ACCOUNT = 0.40
_REFUSE_CONSENT = 0.04
_KNOWN_BEFORE = 0.15  # of the first devices: they had been here before the first day of the data

# category, brand, operating system, language, browser
MACHINES: list[tuple[str, str, str, str, str]] = [
    ("mobile", "Apple", "iOS", "en-us", "Safari"),
    ("mobile", "Apple", "iOS", "en-gb", "Safari"),
    ("mobile", "Samsung", "Android", "en-us", "Chrome"),
    ("mobile", "Google", "Android", "en-us", "Chrome"),
    ("mobile", "Xiaomi", "Android", "de-de", "Chrome"),
    ("desktop", "Apple", "Macintosh", "en-us", "Safari"),
    ("desktop", "Apple", "Macintosh", "en-gb", "Chrome"),
    ("desktop", "Microsoft", "Windows", "en-us", "Chrome"),
    ("desktop", "Microsoft", "Windows", "en-us", "Edge"),
    ("desktop", "Microsoft", "Windows", "fr-fr", "Firefox"),
    ("tablet", "Apple", "iOS", "en-us", "Safari"),
]
_MACHINE_WEIGHTS = [24.0, 6, 15, 6, 4, 8, 5, 18, 7, 3, 4]

# continent, country, region, city
PLACES: list[tuple[str, str, str, str]] = [
    ("Americas", "United States", "New York", "New York"),
    ("Americas", "United States", "California", "San Francisco"),
    ("Americas", "United States", "Illinois", "Chicago"),
    ("Americas", "United States", "Texas", "Austin"),
    ("Americas", "United States", "Washington", "(not set)"),
    ("Americas", "Canada", "Ontario", "Toronto"),
    ("Europe", "United Kingdom", "England", "London"),
    ("Europe", "Germany", "Bavaria", "Munich"),
    ("Europe", "France", "Ile-de-France", "Paris"),
    ("Europe", "Netherlands", "North Holland", "Amsterdam"),
    ("Oceania", "Australia", "New South Wales", "Sydney"),
]
_PLACE_WEIGHTS = [14.0, 13, 9, 8, 10, 8, 14, 7, 6, 4, 5]


@dataclass(frozen=True)
class People:
    place: Ints  # of each person
    has_account: Bools
    refuses: Bools  # consent to being recognised
    first_device: Ints  # index of each person's first device; the others follow it
    device_count: Ints
    person: Ints  # of each device
    slot: Ints  # 0, 1, 2 within the person's devices: keeps the times of two devices of a person apart
    machine: Ints
    known_days: (
        Ints  # days before its first visit in the data that the device was first seen; 0: never before
    )


def draw_people(rng: np.random.Generator, persons: int) -> People:
    device_count = 1 + weighted(rng.random(persons), _DEVICES_PER_PERSON)
    first_device = np.cumsum(device_count) - device_count
    person = np.repeat(np.arange(persons), device_count)
    slot = np.arange(len(person)) - first_device[person]
    refuses = rng.random(persons) < _REFUSE_CONSENT
    known = (rng.random(len(person)) < _KNOWN_BEFORE) & (slot == 0)
    return People(
        place=weighted(rng.random(persons), _PLACE_WEIGHTS),
        has_account=(rng.random(persons) < _HAVE_AN_ACCOUNT) & ~refuses,
        refuses=refuses,
        first_device=first_device,
        device_count=device_count,
        person=person,
        slot=slot,
        machine=weighted(rng.random(len(person)), _MACHINE_WEIGHTS),
        known_days=np.where(known, rng.integers(1, 400, len(person)), 0),
    )
