"""What a value must be beyond its type, and how it is shown. A ValueError carries the reason, or nothing."""

import difflib
import re
import zoneinfo
from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal, get_args

from headwater.settings.brokers import broker_of
from headwater.settings.pattern import check_pattern

Model = Literal["first_click", "last_click", "linear", "position_based", "time_decay"]
MODELS: tuple[Model, ...] = get_args(Model)
NOT_YET_COMPUTED = ("markov", "shapley")

# A password in the authority (up to the last @, since an unescaped one may hold / or @) or in the query.
# It also finds one in a URL that is misspelt around it, for the error message that shows it.
_PASSWORD = re.compile(
    r"(?:^|(?<=//))([^:/@]*):(?!//).*@ | ([?&][\w.]*(?:password|secret|key\.pem|config)=)[^&]*",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def masked(url: str) -> str:
    """The URL as it may be shown: with *** for the password."""
    return _PASSWORD.sub(lambda found: found[2] + "***" if found[2] else f"{found[1]}:***@", url)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one most likely stands for."""
    by_folded = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    found = nearest(word, known)
    return f"; did you mean {found!r}?" if found else ""


def known_zone(name: str) -> str:
    # Debian's "localtime" and "Factory" are files in the zone directory that no warehouse knows.
    zones = zoneinfo.available_timezones() - {"localtime", "Factory"}
    if name != "UTC" and name not in zones:
        raise ValueError(f"there is no time zone {name!r}{did_you_mean(name, zones)}")
    return name


def currency(code: str) -> str:
    if not re.fullmatch(r"([A-Z]{3})?", code):
        meant = code.strip().upper()
        raise ValueError(f"did you mean {meant!r}?" if re.fullmatch("[A-Z]{3}", meant) else "")
    return code


def warehouse_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    fits = {
        "duckdb": len(rest) > 1 and rest.startswith("/") and not rest.endswith("/"),
        "postgresql": bool(rest),
        "postgres": bool(rest),
        "bigquery": re.fullmatch(r"[a-z0-9.:-]{1,100}/\w{1,1000}", rest) is not None,
    }
    if not separator or not fits.get(scheme, False):
        raise ValueError("")
    return url


def location(text: str) -> str:
    if not re.fullmatch(r"([A-Za-z]{2}|[a-z]+(-[a-z]+)+[0-9]+)?", text):
        raise ValueError("")
    return text


def exports(names: tuple[str, ...], warehouse_url: str) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[a-z][a-z0-9.:-]{4,99}\.\w{1,1000}", name):
            raise ValueError(f"{name!r} is no PROJECT.DATASET")
    if names and not warehouse_url.startswith("bigquery://"):
        raise ValueError(
            f"warehouse.url is {warehouse_url.partition('://')[0]}://…, and only BigQuery reads an export where it "
            "lies: load its files instead, or let warehouse.url be bigquery://PROJECT/DATASET"
        )
    return distinct(names)


def journal_url(url: str) -> str:
    broker_of(url)
    return url


def distinct(found: tuple[str, ...]) -> tuple[str, ...]:
    for one in found:
        if found.count(one) > 1:
            raise ValueError(f"{one!r} is named twice")
    return found


def name(text: str) -> str:
    if not text or text != text.strip() or len(text) > 100:
        raise ValueError(f"{text!r} is empty, longer than 100 characters, or has blanks around it")
    return text


def names(found: tuple[str, ...]) -> tuple[str, ...]:
    return distinct(tuple(name(one) for one in found))


def models(found: tuple[str, ...]) -> tuple[str, ...]:
    for model in found:
        if model in NOT_YET_COMPUTED:
            raise ValueError(f"this version does not compute {model} yet")
        if model not in MODELS:
            raise ValueError(f"there is no model {model!r}{did_you_mean(model, MODELS)}")
    return distinct(found)


def domain(entry: str) -> str:
    """A host as the referrer rules compare it; people paste whole addresses."""
    host = re.sub(r"^[a-z][a-z0-9+.-]*://", "", entry.strip().lower())
    host = re.split(r"[/?#:]", host, maxsplit=1)[0].removeprefix("www.").rstrip(".")
    if not host or re.search(r"[\s,@]", host):
        raise ValueError(f"{entry!r} is not a domain")
    return host


def domains(entries: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(domain(entry) for entry in entries))


def day(value: object) -> object:
    # A TOML date is one already; JSON in a variable only has text. Numbers are no dates here.
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("") from None  # the description says it better
    if isinstance(value, datetime):
        raise ValueError("it has a time of day")
    return value


def pattern(text: str) -> str:
    check_pattern(text)
    return text
