"""Starts the dashboard's server, on this machine alone."""

import importlib.util
import os
import socket
from importlib.resources import files

from headwater.dashboard import theme
from headwater.dashboard.source import ask_at
from headwater.errors import SettingsError

HOST = "127.0.0.1"
HOW_TO_GET_IT = "The dashboard needs Streamlit: pip install 'headwater[dashboard]'."


def is_installed() -> bool:
    return importlib.util.find_spec("streamlit") is not None


def address(port: int) -> str:
    return f"http://{HOST}:{port}"


def token_from(name: str | None) -> str | None:
    """Out of the environment, so that it stands in no list of processes."""
    if name is None:
        return None
    token = os.environ.get(name)
    if not token:
        raise SettingsError(f"{name} is not set: put the key of `headwater keys add --read` into it.")
    return token


def serve(api_url: str, port: int, token: str | None) -> None:
    """Returns when it is told to stop."""
    if not is_installed():
        raise SettingsError(HOW_TO_GET_IT)
    _refuse_a_taken(port)
    ask_at(api_url, token)
    from streamlit import config
    from streamlit.web import bootstrap

    import headwater.dashboard.app  # noqa: F401  # what the first page needs, before anybody waits for it

    script = str(files("headwater.dashboard.entry") / "run.py")
    config.get_config_options(force_reparse=True, options_from_flags=options(port))
    bootstrap.run(script, False, [], {name.replace(".", "_"): value for name, value in options(port).items()})


def options(port: int) -> dict[str, object]:
    return {
        "server.address": HOST,
        "server.port": port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.showEmailPrompt": False,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": HOST,
        "browser.serverPort": port,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "global.developmentMode": False,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
        **theme.options(),
    }


def _refuse_a_taken(port: int) -> None:
    with socket.socket() as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((HOST, port))
        except OSError as error:
            raise SettingsError(
                f"Nothing can listen at {HOST}:{port} ({error.strerror}): stop what does, or set dashboard.port."
            ) from None
