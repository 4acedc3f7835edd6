"""What is never kept: identifiers without consent, e-mail addresses in page addresses, user agents."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from headwater.event import CLICK_IDS

DENIED = "denied"
REDACTED = "(redacted)"

# A tag's `gcd` has a letter for each kind of consent; these say that it was denied, by default or by the user.
_DENIED_LETTERS = frozenset("pqmu")
_ADDRESS_NAMES = ("_location", "_referrer", "_referer", "_path", "url", "uri", "link", "href")
_OTHER_CLICK_IDS = ("_gl", "twclid", "yclid", "li_fat_id", "rdt_cid", "epik", "irclickid", "sccid", "igshid")
_ALL_CLICK_IDS = frozenset((*CLICK_IDS, *_OTHER_CLICK_IDS))

_AT = re.compile(r"@|%(?:25)*40")
_BEFORE_AT = re.compile(r"[\w.+%'-]+$")
_BEHIND_AT = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_LONGEST_LOCAL_PART = 64

_CLICK_ID = "|".join(sorted(_ALL_CLICK_IDS))
_CLICK_ID_IN_QUERY = re.compile(
    rf"((?:^|[?&#;.]|%3f|%26)(?:{_CLICK_ID})(?:=|%3d))[^&#;%\s\"]*", re.IGNORECASE
)
_CLICK_ID_IN_JSON = re.compile(rf'("(?:{_CLICK_ID})"\s*:\s*")[^"]*', re.IGNORECASE)

_LONGEST_USER_AGENT = 512
_BOTS = (
    *("bot/", "crawl", "spider", "slurp", "headless", "lighthouse", "preview", "monitor", "scrap"),
    *("externalhit", "meta-external", "mediapartners-google", "google-inspectiontool", "googleother"),
    *("apis-google", "feedfetcher", "google-read-aloud", "yandexmetrika", "ia_archiver", "pagespeed"),
    *("page speed", "gtmetrix", "pingdom", "datadogsynthetics"),
    *("claude-user", "chatgpt-user", "perplexity-user", "mistralai-user"),
    # what a page is driven or fetched with
    *("cypress", "playwright", "puppeteer", "phantomjs", "selenium", "webdriver", "node-fetch", "undici"),
    *("python-", "aiohttp", "okhttp", "go-http-client", "httpclient", "libwww-perl", "guzzle", "postman"),
)
_BOT_WORD = re.compile(r"bot\b|\b(?:ptst|curl|wget|java|axios|insomnia)/|^(?:node|got|ruby|deno|bun)\b")
_TV = re.compile(
    r"smart-?tv|smarttv|apple ?tv|google ?tv|android tv|hbbtv|crkey|roku|bravia|web0s|aft[a-z]+ ", re.I
)
_TABLET = re.compile(r"ipad|tablet|kindle|silk/|playbook", re.I)
_MOBILE = re.compile(r"mobi|iphone|ipod|windows phone", re.I)
_DESKTOP = re.compile(r"windows nt|macintosh|x11|cros |linux", re.I)


class Consent(NamedTuple):
    """What may be kept: an identifier of the person at all, and one that an ad network gave."""

    analytics: bool = True
    ads: bool = True


GIVEN = Consent()


def consent_in_words(said: Any) -> Consent:
    """Consent as an object of names and `granted` or `denied`; what is not named is given."""
    if not isinstance(said, dict):
        return GIVEN
    return Consent(
        not _is_denied(said.get("analytics_storage")),
        not (_is_denied(said.get("ad_storage")) or _is_denied(said.get("ad_user_data"))),
    )


def _is_denied(word: Any) -> bool:
    return word is False or (isinstance(word, str) and word.strip().lower() == DENIED)


def consent_of_tag(gcs: str | None, gcd: str | None) -> Consent:
    """Consent as a tag writes it: `G1`, ads, analytics; or letters for ads, analytics, user data."""
    denied = [letter in _DENIED_LETTERS for letter in (gcd or "").lower() if letter.isalpha()][:3]
    ads, analytics, user_data = [*denied, False, False, False][:3]
    if gcs and gcs[:2].upper() == "G1":
        ads |= gcs[2:3] == "0"
        analytics |= gcs[3:4] == "0"
    return Consent(not analytics, not (ads or user_data))


def without_emails(text: str) -> str:
    """E-mail addresses, also percent-encoded ones, become (redacted)."""
    kept, end = [], 0
    for at in _AT.finditer(text):
        start = max(end, at.start() - _LONGEST_LOCAL_PART)
        before = _BEFORE_AT.search(text, start, at.start())
        behind = _BEHIND_AT.match(text, at.end())
        if before and behind:
            kept += [text[end : before.start()], REDACTED]
            end = behind.end()
    return "".join([*kept, text[end:]]) if kept else text


def redacted(name: str, value: Any) -> Any:
    """A value without the e-mail addresses in the page addresses that it is or holds."""
    return _mapped(name, value, lambda key, text: without_emails(text) if _is_address(key, text) else text)


def without_click_ids(name: str, value: Any) -> Any:
    """A value whose click ids say `denied`, by their name or in the query of an address."""

    def deny(key: str, text: str) -> str:
        if key.lower() in _ALL_CLICK_IDS:
            return DENIED if text else text
        return _CLICK_ID_IN_QUERY.sub(rf"\1{DENIED}", text)

    return _mapped(name, value, deny)


def original_without_click_ids(original: bytes) -> bytes:
    """The bytes of a refused event with `denied` for each click id, whether in JSON or in a query."""
    text = original.decode(errors="surrogateescape")
    plain = _CLICK_ID_IN_JSON.sub(rf"\1{DENIED}", _CLICK_ID_IN_QUERY.sub(rf"\1{DENIED}", text))
    return plain.encode(errors="surrogateescape")


def _mapped(name: str, value: Any, change: Callable[[str, str], str]) -> Any:
    if isinstance(value, str):
        return change(name, value)
    if isinstance(value, dict):
        return {key: _mapped(key, inner, change) for key, inner in value.items()}
    return [_mapped(name, inner, change) for inner in value] if isinstance(value, list) else value


def _is_address(name: str, text: str) -> bool:
    return "://" in text or text[:1] in ("/", "?", "#") or name.lower().endswith(_ADDRESS_NAMES)


class Device(NamedTuple):
    """All that is kept of a user agent."""

    category: str | None = None
    is_bot: bool = False


UNKNOWN_DEVICE = Device()


@lru_cache(maxsize=4096)
def device(user_agent: str) -> Device:
    agent = user_agent[:_LONGEST_USER_AGENT]
    folded = agent.lower()
    is_bot = any(word in folded for word in _BOTS) or bool(_BOT_WORD.search(folded))
    if _TV.search(agent):
        return Device("tv", is_bot)
    if _TABLET.search(agent) or ("Android" in agent and "Mobile" not in agent):
        return Device("tablet", is_bot)
    if _MOBILE.search(agent):
        return Device("mobile", is_bot)
    return Device("desktop" if _DESKTOP.search(agent) else None, is_bot)
