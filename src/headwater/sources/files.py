"""Which files a PATH means, and what each of them is."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.errors import SourceError, UsageError
from headwater.settings import did_you_mean
from headwater.sources.lines import chunks

Kind = Literal["ga4_parquet", "ga4_json", "ndjson", "csv", "parquet"]
FORMATS = ("auto", "ga4", "ndjson", "csv")

JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
GA4_SUFFIXES = (".parquet", *JSON_SUFFIXES)
SUFFIXES = (*GA4_SUFFIXES, ".csv")
_LONGEST_PROBE = 16 * 2**20


def suffix(path: Path) -> str:
    """The suffix that tells the format: `.json` of `events.json.gz`."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def expand(paths: Sequence[Path]) -> list[Path]:
    """The files to load, each once, in natural order within a folder."""
    found = [file for path in paths for file in _files_of(path)]
    return list(dict.fromkeys(found))


def _files_of(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SourceError(_not_there(path))
    inside = [
        file
        for file in path.rglob("*")
        if suffix(file) in SUFFIXES and not _is_hidden(file.relative_to(path)) and file.is_file()
    ]
    files = sorted(inside, key=lambda file: natural(str(file.relative_to(path))))
    # A folder of an export may hold other tables beside it as CSV, such as truth.csv: those are no events.
    events = [file for file in files if suffix(file) in GA4_SUFFIXES] or files
    if not events:
        raise SourceError(
            f"{path} holds no file that ends in {', '.join(SUFFIXES)} (or .gz): name the files."
        )
    return events


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts `part-10` behind `part-9`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _not_there(path: Path) -> str:
    if path.parts[0] == "bigquery:":
        return (
            f"{path.parts[-1]} on BigQuery is no file: let warehouse.export name it (PROJECT.DATASET), and run "
            "`headwater load` without a path."
        )
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return f"{path} does not exist, nor does its folder: check the path."
    return f"{path} does not exist{did_you_mean(path.name, names) or ': check the path'}."


def kind_of(path: Path, file_format: str = "auto") -> Kind:
    """What a file is, told by its name and, where that is not enough, by what is in it."""
    if file_format not in FORMATS:
        raise UsageError(f"There is no format {file_format!r}: use one of {', '.join(FORMATS)}.")
    ending = suffix(path)
    if file_format == "ga4":
        return "ga4_parquet" if ending == ".parquet" else "ga4_json"
    if file_format == "ndjson":
        return "ndjson"
    if file_format == "csv" or ending == ".csv":
        return "csv"
    if ending == ".parquet":
        return "ga4_parquet" if "event_params" in parquet_schema(path).names else "parquet"
    if ending in JSON_SUFFIXES:
        return "ga4_json" if _looks_like_ga4(path) else "ndjson"
    raise SourceError(f"{path} does not say what it is: add --format ga4, --format ndjson or --format csv.")


def parquet_schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} is not a Parquet file that can be read ({_first_line(error)}).") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["it is damaged"])[0].rstrip(".")


def _looks_like_ga4(path: Path) -> bool:
    """By the first line that is a JSON object."""
    head = next(chunks(path, _LONGEST_PROBE), b"")
    for line in head.splitlines():
        try:
            first = json.loads(line)
        except ValueError:
            continue
        if isinstance(first, dict):
            return isinstance(first.get("event_params"), list) or {"event_date", "event_timestamp"} <= set(
                first
            )
    return False
