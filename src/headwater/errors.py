"""What can go wrong, as one tree. The kind decides on a retry; the message says what to do next.

HeadwaterError
├── TerminalError                 the same call would fail again: never retried
│   ├── UsageError                the command was called wrongly (exit 2)
│   ├── SettingsError             headwater.toml or a HEADWATER_* variable
│   ├── SourceError               a file that cannot be read as what it should be
│   ├── OutputError               a file that cannot be written
│   ├── QueryError                SQL, a table or an id that the warehouse does not take
│   │   ├── UnknownTable          a table that is not there
│   │   └── NothingFound          what was asked for is not in the tables
│   ├── WarehouseError            the warehouse refuses: wrong URL, no rights, damaged file
│   ├── BuildError                a model failed
│   │   └── FailedTests           models were built, and tests of them failed
│   └── JournalError              the journal cannot be made or opened where it should be
└── TransientError                the same call may succeed later: worth a retry
    ├── WarehouseLocked           another process holds it
    ├── WarehouseUnavailable      it does not answer
    ├── EngineUnavailable         the engine of this home does not answer
    ├── DiskFull                  no room left
    ├── JournalFull               it holds as much as it may, and nothing of that is loaded yet
    ├── JournalUnavailable        SQLite cannot read or write it now
    └── JournalDamaged            it was found damaged; the next call meets the salvaged one
"""

from collections.abc import Mapping, Sequence


class HeadwaterError(Exception):
    """One sentence that says what is wrong, and what to do next."""

    exit_code = 1


class TerminalError(HeadwaterError):
    pass


class UsageError(TerminalError):
    exit_code = 2


class SettingsError(TerminalError):
    pass


class SourceError(TerminalError):
    pass


class OutputError(TerminalError):
    pass


class QueryError(TerminalError):
    pass


class UnknownTable(QueryError):  # noqa: N818
    """Carries the name, so that whoever has the warehouse at hand can name the nearest one that is there."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no table {name!r}: `headwater tables` lists those there are, "
            "and `headwater build` makes the marts."
        )
        self.name = name


class NothingFound(QueryError):  # noqa: N818
    pass


class WarehouseError(TerminalError):
    pass


class BuildError(TerminalError):
    pass


class FailedTests(BuildError):  # noqa: N818
    """Names all tests that have run, and says one sentence on each that failed; its own is that on the first."""

    def __init__(
        self, message: str, ran: Sequence[str] = (), failed: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.ran = tuple(ran)
        self.failed = dict(failed or {})


class JournalError(TerminalError):
    pass


class TransientError(HeadwaterError):
    pass


class WarehouseLocked(TransientError):  # noqa: N818
    pass


class WarehouseUnavailable(TransientError):  # noqa: N818
    pass


class EngineUnavailable(TransientError):  # noqa: N818
    pass


class DiskFull(TransientError):  # noqa: N818
    pass


class JournalFull(TransientError):  # noqa: N818
    pass


class JournalUnavailable(TransientError):  # noqa: N818
    pass


class JournalDamaged(TransientError):  # noqa: N818
    pass
