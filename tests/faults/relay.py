"""A TCP port in front of a Unix socket, which can fall silent: nothing comes through, and nobody is told."""

import socket
import threading
from contextlib import suppress
from pathlib import Path


class Relay:
    def __init__(self, to: Path, host: str = "127.0.0.1") -> None:
        self._to = str(to)
        self._flows = threading.Event()
        self._flows.set()
        self._open: list[socket.socket] = []
        self._listening = socket.create_server((host, 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self) -> None:
        self._flows.clear()

    def speak_again(self) -> None:
        """New connections come through; those that were open in the silence are broken."""
        open_before, self._open = self._open, []
        self._flows.set()
        for one in open_before:
            broken(one)

    def close(self) -> None:
        broken(self._listening)
        self.speak_again()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        self._open.append(near)
        self._flows.wait()
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(self._to)
        except OSError:
            broken(near)
            return
        self._open.append(far)
        for one, other in ((near, far), (far, near)):
            threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while piece := one.recv(65536):
                self._flows.wait()
                other.sendall(piece)
        broken(other)


def broken(one: socket.socket) -> None:
    with suppress(OSError):  # it was
        one.shutdown(socket.SHUT_RDWR)
    one.close()
