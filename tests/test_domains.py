import socket

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.domains import (
    domain_of,
    domains,
    host_of,
    registrable_domain,
    source_domain,
    source_domains,
    url_domains,
    url_hosts,
)


@pytest.mark.parametrize(
    ("url", "host", "domain"),
    [
        ("https://WWW.Shop.Example.co.uk:443/cart?x=http://b.com", "shop.example.co.uk", "example.co.uk"),
        ("http://user:p@ss@a.b.example.com./", "a.b.example.com", "example.com"),
        ("//cdn.example.org", "cdn.example.org", "example.org"),
        ("  https://example.com?utm_source=a@b.com  ", "example.com", "example.com"),
        ("https://example.com#top", "example.com", "example.com"),
        ("https://blog.someone.github.io/", "blog.someone.github.io", "github.io"),
        ("https://www.com/", "www.com", "www.com"),
        ("https://co.uk/", "co.uk", "co.uk"),
        ("https://intranet.corp/", "intranet.corp", "intranet.corp"),
        ("http://localhost:3000/", "localhost", "localhost"),
        ("http://192.168.0.1:8080/", "192.168.0.1", "192.168.0.1"),
        ("http://[2001:DB8::1]:80/", "[2001:db8::1]", "[2001:db8::1]"),
        ("https://www.MÜNCHEN.de/", "münchen.de", "münchen.de"),
        ("https://xn--e1afmkfd.xn--p1ai/", "xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
        ("android-app://com.google.android.gm/", "com.google.android.gm", "com.google.android.gm"),
        ("android-app://de.example.app/https/x", "de.example.app", "de.example.app"),
    ],
)
def test_an_absolute_url_has_a_host_and_a_domain(url: str, host: str, domain: str) -> None:
    assert host_of(url) == host
    assert domain_of(url) == domain


@pytest.mark.parametrize(
    "url",
    [
        None, "", " ", "garbage", "/cart", "about:blank", "mailto:a@example.com", "file:///etc", "http://",
        "http://.com", "http://a..b.com/", "https://a b.com/", "https://example.com:port/", "https://%2e.com/",
        "https://a\u00a0b.com/", "http://[zz]/", "https://\ud800.com/", f"https://{'a' * 300}.com/",
    ],
)  # fmt: skip
def test_what_is_no_url_has_neither(url: str | None) -> None:
    assert host_of(url) is None
    assert domain_of(url) is None


@pytest.mark.parametrize(
    ("source", "domain"),
    [
        ("news.example.co.uk", "example.co.uk"),
        ("WWW.Example.com ", "example.com"),
        ("com.google.android.gm", "com.google.android.gm"),
        ("newsletter.spring", "newsletter.spring"),
        ("google", None),
        ("localhost", None),
        ("example.com/path", None),
        ("hello. world", None),
        (".", None),
        ("", None),
        (None, None),
    ],
)
def test_only_a_source_written_as_a_host_has_a_domain(source: str | None, domain: str | None) -> None:
    assert source_domain(source) == domain


@given(st.one_of(st.text(), st.from_regex(r"https?://[^/]{1,30}", fullmatch=True)))
def test_no_text_raises_and_a_domain_ends_its_host(text: str) -> None:
    host, domain = host_of(text), domain_of(text)
    assert (host is None) == (domain is None)
    if host is not None and domain is not None:
        assert host == domain or host.endswith(f".{domain}")
        assert registrable_domain(host) in (domain, host) or domain == host
    source_domain(text)


@pytest.mark.parametrize("of_column", [url_hosts, url_domains, domains, source_domains])
def test_a_column_may_be_chunked_encoded_empty_or_all_null(of_column) -> None:  # type: ignore[no-untyped-def]
    values = ["https://www.a.example.com/1", None, "b.example.com", "https://www.a.example.com/1"]
    plain = pa.array(values)
    expected = of_column(plain).to_pylist()
    assert [value is None for value in expected].count(False) >= 1
    assert of_column(pa.chunked_array([plain.slice(0, 2), plain.slice(2)])).to_pylist() == expected
    assert of_column(plain.dictionary_encode()).to_pylist() == expected
    assert of_column(plain.cast(pa.large_string())).to_pylist() == expected
    assert of_column(pa.nulls(2)).to_pylist() == [None, None]
    assert of_column(pa.array([], pa.string())).type == pa.string()


def test_the_network_is_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert registrable_domain("never.seen.example.com.br") == "example.com.br"
