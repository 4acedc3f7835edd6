"""The engine's HTTP server."""

import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import uvicorn
from litestar.concurrency import set_asyncio_executor

from headwater.engine.api import create_app
from headwater.engine.engine import Engine
from headwater.http_server import configured

MOST_CLIENTS = 16
STOP_SECONDS = 2

# How long the thread that answers may wait for one that computes. Python's own 5 ms would be most of what a kept answer
# takes.
SWITCH_SECONDS = 0.0005


def server_of(engine: Engine, token: str) -> uvicorn.Server:
    """With all that it needs imported."""
    config = configured(create_app(engine, token), stop_seconds=STOP_SECONDS)
    config.load()
    config.get_loop_factory()
    return uvicorn.Server(config)


def answer(listening: socket.socket, server: uvicorn.Server, told: Event) -> None:
    """Until it is told to stop."""

    def end_when_told() -> None:
        """Also before the server listens to signals itself."""
        told.wait()
        server.should_exit = True

    Thread(target=end_when_told, daemon=True).start()
    sys.setswitchinterval(SWITCH_SECONDS)
    pool = ThreadPoolExecutor(MOST_CLIENTS)
    set_asyncio_executor(pool)  # the loop's own one would be waited for
    try:
        server.run(sockets=[listening])  # which raises a signal once more when it has stopped
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
