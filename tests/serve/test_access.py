"""Who may ask: on this machine everybody who names it, from elsewhere whoever has a key to read with."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from product import Product
from serve.conftest import TOKEN

from headwater.cli import main
from headwater.collect.keys import Keys, add_key
from headwater.engine.address import url_of
from headwater.engine.api import create_app
from headwater.engine.engine import Engine
from headwater.settings import load_settings

Api = TestClient[Litestar]


def test_a_page_under_another_name_learns_nothing(api: Api) -> None:
    for host in (
        "evil.example",
        "evil.example:8788",
        "127.0.0.1.evil.example",
        "localhost.",
        "",
        "[::2]",
        "[",
        "[::1",
        "]",
    ):
        answer = api.get("/v1/channels", headers={"host": host})
        assert answer.status_code == 403, host
        assert answer.json()["error"]["message"].startswith("Ask for this machine by its own name")
    for host in ("localhost:8788", "127.0.0.1", "[::1]:8788", "LOCALHOST"):
        assert api.get("/v1/channels", headers={"host": host}).status_code == 200, host


def test_reading_needs_no_token_here_and_working_does(api: Api) -> None:
    assert api.get("/v1/meta").status_code == 200
    for secret in ("", TOKEN[:-1], "hw_x"):
        answer = api.post(
            "/v1/query", json={"sql": "select 1"}, headers={"authorization": f"Bearer {secret}"}
        )
        assert answer.status_code == 401
    answer = api.post("/v1/query", json={"sql": "select 1"}, headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


@pytest.fixture
def open_api(told: Product, engine_of: Engine, tmp_path: Path) -> Iterator[tuple[Api, Path]]:
    """Of an engine that other machines can reach."""
    (tmp_path / "headwater.toml").write_text('[serve]\nhost = "0.0.0.0"\n')
    settings = load_settings(tmp_path, {})
    other = Engine(settings, told.warehouse, engine_of.journal)
    other.publications.publish(1)
    with TestClient(create_app(other, TOKEN), base_url="http://10.1.2.3") as client:
        yield client, tmp_path


def test_elsewhere_a_key_is_wanted(open_api: tuple[Api, Path], caplog: pytest.LogCaptureFixture) -> None:
    api, home = open_api
    caplog.set_level(logging.DEBUG)
    _, writes = add_key(home, "*", "writer")
    _, reads = add_key(home, "*", "reader", reads=True)
    for path in ("/v1/channels", "/v1/freshness", "/v1/notifications", "/v1/openapi.json", "/metrics"):
        for headers in (
            {},
            {"authorization": "Bearer "},
            {"authorization": f"Bearer {writes}"},
            {"authorization": f"Bearer {reads[:-1]}"},
            {"authorization": f"Basic {reads}"},
        ):
            answer = api.get(path, headers=headers)
            assert answer.status_code == 401, (path, headers)
            assert "headwater keys add --read" in answer.json()["error"]["message"]
            assert writes not in answer.text
            assert reads[:-1] not in answer.text
    for secret in (reads, TOKEN):
        for path in ("/v1/channels", "/v1/meta", "/metrics"):
            assert api.get(path, headers={"authorization": f"Bearer {secret}"}).status_code == 200
    assert api.get("/health").status_code == 200
    for path in ("/v1/query", "/v1/load", "/v1/build"):
        assert api.post(path, json={}, headers={"authorization": f"Bearer {reads}"}).status_code == 401
    assert [key.name for key in Keys(home).all] == ["writer"]
    assert Keys(home).find(reads) is None
    for secret in (writes, reads, TOKEN):
        assert secret not in caplog.text


def test_the_engine_does_not_open_without_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "headwater.toml").write_text('[serve]\nhost = "0.0.0.0"\nport = 1\n')
    add_key(tmp_path, "*", "writer")
    assert main(["engine", "--home", str(tmp_path)]) == 1
    assert (
        "make one with `headwater keys add --read`, or set serve.host to 127.0.0.1."
        in capsys.readouterr().err
    )


def test_keys_to_read_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = ["--home", str(tmp_path)]
    assert main(["keys", "add", "--read", "--name", "screen", *home]) == 0
    told = capsys.readouterr()
    assert "Key 'screen' for reading." in told.err
    assert Keys(tmp_path, reads=True).find(told.out.strip())
    assert main(["keys", "list", *home]) == 0
    assert "reading" in capsys.readouterr().out
    assert main(["keys", "add", "--read", "--stream", "s", *home]) == 2
    assert "leave out --stream or --read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8788"),
        ("0.0.0.0", "http://127.0.0.1:8788"),
        ("::", "http://127.0.0.1:8788"),
        ("::1", "http://[::1]:8788"),
        ("10.1.2.3", "http://10.1.2.3:8788"),
    ],
)
def test_where_commands_of_this_machine_find_it(tmp_path: Path, host: str, url: str) -> None:
    (tmp_path / "headwater.toml").write_text(f'[serve]\nhost = "{host}"\n')
    assert url_of(load_settings(tmp_path, {})) == url
