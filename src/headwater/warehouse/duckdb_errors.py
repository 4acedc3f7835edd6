"""What DuckDB refuses, as one of our errors."""

import re

import duckdb

from headwater.errors import (
    DiskFull,
    HeadwaterError,
    QueryError,
    UnknownTable,
    WarehouseError,
    WarehouseLocked,
    WarehouseUnavailable,
)


def translate(error: duckdb.Error, path: str) -> HeadwaterError:
    """DuckDB's error as one of ours."""
    text = " ".join(str(error).split("\n\n")[0].split())
    what = text.partition(": ")[2] or text
    held = re.search(r"lock is held in (.*?)\(PID (\d+)\)", text)
    if held:
        holder = f"{held[1].strip()} (process {held[2]})"
        return WarehouseLocked(
            f"The warehouse {path} is in use by {holder}: wait until it is done, or stop it, and try again."
        )
    if is_disk_full(text):
        return DiskFull(
            f"The disk of {path} is full: free some space and run the same command again; "
            "what was not finished has left no trace."
        )
    if "in read-only mode" in text:  # the file's, or the transaction's
        return QueryError(f"A query only reads, and DuckDB says: {what} Ask with a select.")
    if "Permission denied" in text or "Read-only file system" in text or "Cannot open file" in text:
        return WarehouseError(
            f"{path} cannot be opened for writing: make the folder writable, or choose another with --home. ({what})"
        )
    if isinstance(error, duckdb.IOException | duckdb.SerializationException) and (
        "valid DuckDB" in text or "enough bytes" in text or "Is a directory" in text
    ):
        return WarehouseError(
            f"{path} is not a DuckDB file: name another file in warehouse.url, or, if it is damaged, make it anew "
            f"with `headwater rebuild`. ({what})"
        )
    # of no class of its own
    is_damaged = "while replaying WAL file" in text or "does not match stored checksum" in text
    if is_damaged or isinstance(error, duckdb.IOException | duckdb.InternalException | duckdb.FatalException):
        return WarehouseError(
            f"The warehouse {path} could not be used: check the file and its disk, or make it anew with "
            f"`headwater rebuild`. ({what})"
        )
    if isinstance(error, duckdb.TransactionException):
        return WarehouseUnavailable(
            f"The warehouse {path} was changed by somebody else meanwhile: try again. ({what})"
        )
    missing = re.search(r"Table with name (\S+) does not exist", text)
    if missing:
        return UnknownTable(missing[1])
    return QueryError(f"DuckDB cannot run this SQL: {what}. Correct it and try again.")


def is_disk_full(text: str) -> bool:
    return "No space left" in text or "failed to offload" in text or "max_temp_directory_size" in text
