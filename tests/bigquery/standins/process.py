"""Processes that tests start, which none of them outlives."""

import ctypes
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

STOPS_WITHIN_SECONDS = 20
PR_SET_PDEATHSIG = 1


def start(command: Sequence[str | Path], **streams: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command, text=True, preexec_fn=_end_with_parent if sys.platform == "linux" else None, **streams
    )


def stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(STOPS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
