"""The command line: one file per group of commands, and here what surrounds them all: errors, exit codes."""

import os
import sys
import traceback
from collections.abc import Sequence

from headwater.cli.app import run
from headwater.cli.frame import Frame
from headwater.errors import HeadwaterError

__all__ = ["main"]

INTERRUPTED = 130  # as a shell reports Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns 0 when done, 1 for a failure that a sentence explains, 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")  # data is UTF-8 wherever it goes, whatever the locale says
    frame = Frame()
    try:
        code = run(list(sys.argv[1:] if argv is None else argv), frame)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`| head`) has all it wants. Python flushes once more at exit, which must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        code = INTERRUPTED
    except HeadwaterError as error:
        return _failed(str(error), error.exit_code, frame.debug)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _failed(f"{where}{error.strerror or error}.", 1, frame.debug)
    except Exception as error:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        again = "" if frame.debug else " Run the command again with --debug for the traceback."
        return _failed(f"Something unforeseen happened ({what}).{again}", 1, frame.debug)
    if code == INTERRUPTED:
        print("interrupted", file=sys.stderr)
    return code


def _failed(sentence: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print("error:", *sentence.split(), file=sys.stderr)  # engines wrap their messages; ours are one line
    return code
