"""What every command stands in: the home, the settings, the warehouse, and where its words go."""

import errno
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from headwater.errors import DiskFull, OutputError

if TYPE_CHECKING:
    from headwater.engine.client import Engine
    from headwater.settings import Settings
    from headwater.warehouse import Warehouse
    from headwater.warehouse.protocol import Reader

Supervised = Annotated[
    bool, typer.Option("--supervised", hidden=True, help="End when the standard input is closed.")
]

DEFAULT_HOME = Path(".headwater")


def _debug_wanted() -> bool:
    return os.environ.get("HEADWATER_DEBUG", "").lower() not in ("", "0", "false", "no", "off")


def _usual_home() -> Path:
    """Where every command looks that is not told otherwise."""
    return Path(os.environ.get("HEADWATER_HOME") or DEFAULT_HOME)


def _program() -> str:
    """The word that starts headwater here: its path where it is not on the PATH."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "headwater" and not shutil.which("headwater") else "headwater"


@dataclass
class Frame:
    home: Path = field(default_factory=_usual_home)
    debug: bool = field(default_factory=_debug_wanted)

    @cached_property
    def settings(self) -> "Settings":
        from headwater.settings import load_settings

        return load_settings(self.home)

    def engine(self) -> "Engine | None":
        """The engine of this home, where one is running."""
        from headwater.engine.address import find

        address = find(self.settings.home)
        if address is None:
            return None
        from headwater.engine.client import Engine

        return Engine(address)

    def warehouse(self, *, read_only: bool = False) -> AbstractContextManager["Warehouse"]:
        from headwater.warehouse import open_warehouse

        return open_warehouse(self.settings, read_only=read_only)

    @contextmanager
    def reader(self) -> Iterator["Reader"]:
        """The warehouse to read from: through its engine, where one holds it."""
        from headwater.warehouse import open_reader

        engine = self.engine()
        if engine:
            from headwater.engine.client import RemoteWarehouse

            remote = RemoteWarehouse(engine)
            try:
                yield remote
            finally:
                remote.close()
        else:
            with open_reader(self.settings) as reader:
                yield reader

    def command(self, *words: str) -> str:
        """The line that a user can paste to run that command on the same home."""
        home = [] if self.home == _usual_home() else ["--home", str(self.home)]
        return shlex.join([_program(), *words, *home])


def say(text: str) -> None:
    """One line of a command's own words, on stdout."""
    print(text)


def counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path to write to that becomes `path` only when all is written; a device is written to directly."""
    if path.exists() and not path.is_file():
        yield path
        return
    part = path.with_name(path.name + ".part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"The disk is full, {path} was not written; make room and try again.") from error
        why = error.strerror or str(error)
        raise OutputError(f"{path} cannot be written ({why}); name another place with --out.") from error
    finally:
        if part.is_file():
            part.unlink()


@contextmanager
def text_output(path: Path | None) -> Iterator[TextIO]:
    """Stdout, or the file at `path`, whole or not at all."""
    if path is None:
        yield sys.stdout
        return
    with written(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        yield file
