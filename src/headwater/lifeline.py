"""Ends a process with the one that started it, however that one ended."""

import os
import signal
import threading


def end_with(other_end: int) -> None:
    """Asks this process to stop once the other end of the pipe is closed, which whoever started it alone holds."""

    def wait() -> None:
        os.read(other_end, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
