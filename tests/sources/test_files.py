"""What a PATH means, and what a file is."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.errors import SourceError, UsageError
from headwater.sources.files import expand, kind_of

CANONICAL = json.dumps({"event_name": "a", "event_timestamp": 1, "user_id": "u"})


def test_a_folder_means_its_event_files_in_natural_order(tmp_path: Path, write: Any) -> None:
    for name in ("b/part-10.json", "b/part-9.json.gz", "a.parquet", "truth.csv", ".hidden.json", "notes.txt"):
        write(name, "x")
    write(".cache/x.json", "x")
    assert [str(path.relative_to(tmp_path)) for path in expand([tmp_path])] == [
        *("a.parquet", "b/part-9.json.gz", "b/part-10.json")
    ]


def test_a_folder_of_csv_alone_is_events(tmp_path: Path, write: Any) -> None:
    write("day-2.csv", "x")
    write("day-10.csv", "x")
    assert [path.name for path in expand([tmp_path])] == ["day-2.csv", "day-10.csv"]


def test_a_file_named_twice_is_loaded_once(tmp_path: Path, write: Any) -> None:
    path = write("a.csv", "x")
    assert expand([path, tmp_path, path]) == [path]


def test_a_missing_path_names_the_nearest(tmp_path: Path, write: Any) -> None:
    write("events.ndjson", "x")
    with pytest.raises(SourceError, match=r"'events\.ndjson'"):
        expand([tmp_path / "event.ndjson"])
    with pytest.raises(SourceError, match="folder"):
        expand([tmp_path / "nowhere" / "event.ndjson"])


def test_a_folder_without_events(tmp_path: Path, write: Any) -> None:
    write("notes.txt", "x")
    with pytest.raises(SourceError, match=r"\.parquet"):
        expand([tmp_path])


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.json", CANONICAL, "ndjson"),
        ("a.ndjson.gz", "\n{broken\n" + CANONICAL, "ndjson"),
        ("a.jsonl", '{"event_date": "20260501", "event_timestamp": "1"}', "ga4_json"),
        ("a.json", '{"event_params": []}', "ga4_json"),
        ("a.json", "", "ndjson"),
        ("a.csv.gz", "", "csv"),
    ],
)
def test_kind_by_suffix_and_by_content(write: Any, name: str, content: str, kind: str) -> None:
    assert kind_of(write(name, content)) == kind


def test_kind_of_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"event_params": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"event_name": [1]}), tmp_path / "b.parquet")
    assert kind_of(tmp_path / "a.parquet") == "ga4_parquet"
    assert kind_of(tmp_path / "b.parquet") == "parquet"


def test_a_format_that_is_named_wins(write: Any) -> None:
    path = write("a.txt", CANONICAL)
    assert (kind_of(path, "ndjson"), kind_of(path, "csv"), kind_of(path, "ga4")) == (
        "ndjson",
        "csv",
        "ga4_json",
    )
    with pytest.raises(SourceError, match="--format"):
        kind_of(path)
    with pytest.raises(UsageError, match="ndjson"):
        kind_of(path, "xml")


def test_damaged_files_say_so(write: Any, tmp_path: Path) -> None:
    for name in ("a.parquet", "b.json.gz"):
        (tmp_path / name).write_bytes(b"\x1f\x8bnonsense")
        with pytest.raises(SourceError, match=name):
            kind_of(tmp_path / name)
