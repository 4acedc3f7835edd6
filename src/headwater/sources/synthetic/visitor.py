"""Who an event comes from, as the export shows it: ids, consent, device, place, and how it was won."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headwater.sources.synthetic.columns import Texts, nested, referring
from headwater.sources.synthetic.dice import Ints
from headwater.sources.synthetic.origins import ORIGINS
from headwater.sources.synthetic.people import MACHINES, PLACES, People
from headwater.sources.synthetic.rhythm import SECOND
from headwater.sources.synthetic.script import LOGIN, Day
from headwater.sources.synthetic.visits import Visits

_MACHINES = [Texts([machine[n] for machine in MACHINES]) for n in range(5)]
_PLACES = [Texts([place[n] for place in PLACES]) for n in range(4)]
_ACQUIRED = [Texts([origin.acquired[n] for origin in ORIGINS]) for n in range(3)]
_CHANNELS = Texts([origin.channel for origin in ORIGINS])
_YES_NO = Texts(["No", "Yes"])


def user_ids(day: Day) -> tuple[Ints, pa.Array]:
    """From the login on; on a visit that begins signed in, always. A refund comes from the back office."""
    pages, visits = day.pages, day.visits
    visit, nth = pages.visit[day.page], pages.nth[day.page]
    login = visits.login_page[visit]
    after_login = (login >= 0) & ((nth > login) | (nth == login) & (day.event >= LOGIN))
    signed_in = (visits.remembered[visit] | after_login) & (pages.page[day.page] >= 0)
    persons, which = np.unique(visits.person, return_inverse=True)
    texts = pc.binary_join_element_wise("c", pa.array(100_000 + persons).cast(pa.string()), "-")
    return np.where(signed_in, which[visit], -1), texts


def user_pseudo_ids(visits: Visits) -> pa.Array:
    """Number and first touch, as in the cookie; an odd factor modulo a power of two never maps two to one."""
    devices, row, which = np.unique(visits.device, return_index=True, return_inverse=True)
    serial = 1_000_000_000 + (devices * 482_711_213 + 97_531) % (1 << 30)
    seconds = visits.first_touch[row] // SECOND
    texts = pc.binary_join_element_wise(
        pa.array(serial).cast(pa.string()), pa.array(seconds).cast(pa.string()), "."
    )
    return referring(np.where(visits.nameless, -1, which), texts)


def privacy_info(visits: Visits) -> pa.Array:
    allowed = _YES_NO.column(np.where(visits.nameless, 0, 1))
    never = _YES_NO.column(np.zeros(len(visits), np.int64))
    return nested({"analytics_storage": allowed, "ads_storage": allowed, "uses_transient_token": never})


def device(visits: Visits, people: People) -> pa.Array:
    machine = people.machine[visits.device]
    category, brand, system, language, browser = (texts.column(machine) for texts in _MACHINES)
    return nested(
        {
            "category": category,
            "mobile_brand_name": brand,
            "operating_system": system,
            "language": language,
            "web_info": nested({"browser": browser}),
        }
    )


def geo(visits: Visits, people: People) -> pa.Array:
    where = people.place[visits.person]
    names = ("continent", "country", "region", "city")
    return nested({name: texts.column(where) for name, texts in zip(names, _PLACES, strict=True)})


def traffic_source(visits: Visits) -> pa.Array:
    source, medium, name = (texts.column(visits.acquired) for texts in _ACQUIRED)
    return nested({"name": name, "medium": medium, "source": source}, known=~visits.nameless)


def last_click(visits: Visits) -> pa.Array:
    source, medium, name = (texts.column(visits.credited) for texts in _ACQUIRED)
    channel = _CHANNELS.column(visits.credited)
    campaign = {"campaign_name": name, "source": source, "medium": medium, "default_channel_group": channel}
    return nested({"cross_channel_campaign": nested(campaign)})
