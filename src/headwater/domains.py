"""Whose a URL, a host or a source is: hosts and registrable domains, one at a time or by the column.

Page addresses are nearly all different, but they start with few origins: one cheap RE2 expression over the
whole column cuts the origins off, and all that is strict or slow is asked once per distinct origin or host.
The public suffix list is the snapshot inside tldextract: the same input gives the same domain, offline too.
"""

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import tldextract

# Any character that may be part of a host's label: letters of every script, digits, `-` and `_`.
_LABEL = (
    r"[^\x00-\x20!-,./:-@\[-^`{-\x7f"
    "\u0080-\u00a0\u1680\u2000-\u200b\u200e-\u206f\u3000-\u3002\ufeff\uff0e\uff61\ufff0-\uffff"
    r"]+"
)
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_ADDRESS_6 = r"\[[0-9A-Fa-f:.]+\]"
_ORIGIN = r"^\s*(?P<origin>(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#\\]*)"
_PARTS = rf"^(?:(?P<scheme>[^:/]+):)?//(?:[^\s]*@)?(?P<host>{_ADDRESS_6}|{_HOST})\.?(?::[0-9]*)?\s*$"
_ONLY_A_HOST = rf"^\s*(?P<host>{_ADDRESS_6}|{_HOST})\.?\s*$"
_LONGEST_HOST = 253

Column: TypeAlias = "pa.Array | pa.ChunkedArray"


def host_of(url: str | None) -> str | None:
    """The host of an absolute URL: lower case, without user, port, trailing dot and `www.`; None if none."""
    return _one(url_hosts, url)


def domain_of(url: str | None) -> str | None:
    """The registrable domain of an absolute URL's host."""
    return _one(url_domains, url)


def registrable_domain(host: str | None) -> str | None:
    """What one registers to own a host; an address, an app's package or `localhost` is its own domain."""
    return _one(domains, host)


def source_domain(source: str | None) -> str | None:
    """The registrable domain of a source written as a host (`a.example.com`); a bare name has none."""
    return _one(source_domains, source)


def url_hosts(urls: Column) -> pa.Array:
    """`host_of` for a column of URLs."""
    return _by_distinct_value(_origins(urls), lambda origins: _host(_extract(origins, _PARTS)))


def url_domains(urls: Column) -> pa.Array:
    """`domain_of` for a column of URLs: it still sees `android-app://`, which hosts no longer show."""

    def of_distinct(origins: pa.Array) -> pa.Array:
        parts = _extract(origins, _PARTS)
        hosts = _host(parts)
        is_app = pc.equal(pc.utf8_lower(pc.struct_field(parts, "scheme")), "android-app")
        return pc.if_else(pc.fill_null(is_app, False), hosts, domains(hosts))

    return _by_distinct_value(_origins(urls), of_distinct)


def domains(hosts: Column) -> pa.Array:
    """`registrable_domain` for a column of hosts."""
    return _by_distinct_value(hosts, _domains_of_distinct)


def source_domains(sources: Column) -> pa.Array:
    """`source_domain` for a column of sources."""

    def of_distinct(distinct: pa.Array) -> pa.Array:
        has_dot = pc.match_substring_regex(distinct, r"[^.\s]\.[^.\s]")
        return _domains_of_distinct(pc.if_else(has_dot, distinct, pa.scalar(None, pa.string())))

    return _by_distinct_value(sources, of_distinct)


def _domains_of_distinct(hosts: pa.Array) -> pa.Array:
    clean = _host(_extract(hosts, _ONLY_A_HOST))
    return pa.array([None if host is None else _registrable(host) for host in clean.to_pylist()], pa.string())


def _registrable(host: str) -> str:
    if host.startswith("[") or _is_app_package(host):
        return host
    return _suffix_list().extract_str(host).top_domain_under_public_suffix or host


def _is_app_package(host: str) -> bool:
    """`com.google.android.gm` is an app although .gm is a country: packages are domains written backwards."""
    return (host.startswith("com.") and host.count(".") > 1) or host.endswith((".android", ".android.app"))


@cache
def _suffix_list() -> tldextract.TLDExtract:
    return tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


def _host(parts: pa.StructArray) -> pa.Array:
    """The `host` of `_extract`'s parts, in the one way in which headwater writes a host."""
    lowered = pc.utf8_lower(pc.struct_field(parts, "host"))
    named = pc.replace_substring_regex(lowered, r"^www\.(.+\..+)$", r"\1")
    return pc.if_else(
        pc.less_equal(pc.binary_length(named), _LONGEST_HOST), named, pa.scalar(None, pa.string())
    )


def _origins(urls: Column) -> pa.Array:
    return pc.struct_field(_extract(urls, _ORIGIN), "origin")


def _extract(column: Column, pattern: str) -> pa.StructArray:
    """The named groups of `pattern`; null where it does not match."""
    return pc.extract_regex(_as_text(column), pattern)


def _by_distinct_value(column: Column, of_distinct: Callable[[pa.Array], pa.Array]) -> pa.Array:
    encoded = _as_text(column).dictionary_encode()
    return of_distinct(encoded.dictionary).take(encoded.indices)


def _as_text(column: Column) -> pa.Array:
    text = column.cast(pa.string())
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _one(of_column: Callable[[Column], pa.Array], value: str | None) -> str | None:
    """One value through the column's own function, so that both can only ever say the same."""
    try:
        column = pa.array([value], pa.string())
    except UnicodeEncodeError:  # a lone surrogate: no engine can hold it, so nothing was said
        return None
    answer: str | None = of_column(column)[0].as_py()
    return answer
