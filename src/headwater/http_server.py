"""How the door and the engine answer HTTP: the same server for both."""

from typing import Any

import uvicorn

KEPT_SECONDS = 75  # a connection that nobody uses


def configured(app: Any, *, stop_seconds: int) -> uvicorn.Config:
    """`stop_seconds` are for what is under way when it is told to stop."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=stop_seconds,
        timeout_keep_alive=KEPT_SECONDS,
    )
