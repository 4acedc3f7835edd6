"""How the server is started: on this machine alone, telling nobody of it."""

import socket

import pytest

from headwater.dashboard import launch
from headwater.errors import SettingsError


def test_only_this_machine_reaches_it_and_nobody_is_told() -> None:
    options = launch.options(8501)
    assert options["server.address"] == "127.0.0.1"
    assert options["browser.gatherUsageStats"] is False
    assert options["server.enableXsrfProtection"] is True
    assert options["server.enableCORS"] is True


def test_every_option_is_one_that_streamlit_knows() -> None:
    config = pytest.importorskip("streamlit").config
    assert set(launch.options(8501)) <= set(config.get_config_options())


def test_a_taken_port_is_told_in_one_sentence() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        with pytest.raises(
            SettingsError, match=f"Nothing can listen at 127.0.0.1:{port} .*set dashboard.port"
        ):
            launch.serve("http://127.0.0.1:1", port, None)


def test_without_streamlit_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "is_installed", lambda: False)
    with pytest.raises(SettingsError, match=r"pip install 'headwater\[dashboard\]'"):
        launch.serve("http://127.0.0.1:1", 8501, None)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READ_KEY", "secret")
    assert launch.token_from("READ_KEY") == "secret"
    assert launch.token_from(None) is None
    with pytest.raises(SettingsError, match="NO_KEY is not set"):
        launch.token_from("NO_KEY")
