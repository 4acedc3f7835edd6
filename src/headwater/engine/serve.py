"""Runs the engine until it is told to stop."""

import logging
import signal
import socket
import sys

from headwater.engine.address import find, publish, withdraw
from headwater.errors import SettingsError, WarehouseLocked
from headwater.settings import Settings

_log = logging.getLogger("headwater.engine")


def serve(settings: Settings) -> None:
    """Returns after SIGTERM or SIGINT, when what was under way is done."""
    _start_log()
    settings.home.mkdir(parents=True, exist_ok=True)
    other = find(settings.home)
    if other:
        raise WarehouseLocked(
            f"An engine of this home is running already (process {other.pid}, {other.url}): "
            "one warehouse has one engine."
        )
    listening = _listen(settings.serve.port)
    from headwater.engine.engine import running

    with running(settings) as engine:
        address = publish(settings.home, settings.serve.port)
        try:
            _log.info("The engine answers at %s; Ctrl-C stops.", address.url)
            _answer(listening, engine, address.token)
        finally:
            withdraw(settings.home)
    _log.info("The engine has stopped.")


def _answer(listening: socket.socket, engine: "object", token: str) -> None:
    import uvicorn

    from headwater.engine.api import create_app
    from headwater.engine.engine import Engine

    assert isinstance(engine, Engine)
    config = uvicorn.Config(
        create_app(engine, token),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal once more when it has stopped; that is to end nothing
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listening])


def _start_log() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar", "asyncio", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _listen(port: int) -> socket.socket:
    """On this machine only: the engine has no door to elsewhere."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(128)
    except OSError as error:
        raise SettingsError(
            f"Nothing can listen at 127.0.0.1:{port} ({error.strerror}): stop what does, or set serve.port."
        ) from None
    return listening
