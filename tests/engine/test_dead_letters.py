"""What was refused is kept to the byte, is found by what it is, and comes in once it can."""

import json
from pathlib import Path
from typing import Any

import pytest
from engine.stream import ORIGIN, Stream, event, refusal
from product import Product

from headwater.engine import dead_letters
from headwater.engine.dead_letters import Chosen, counts, drop, letters, replay
from headwater.engine.sink import Sink
from headwater.errors import UsageError
from headwater.journal.arrival import Arrival
from headwater.originals import kept, readable, sent
from headwater.sources.load import load

# what is no text, what looks like its escapes, what PostgreSQL cannot hold, what looks as if it was encoded
ORIGINALS = [
    b'{"event_name": "oh\xe9", ',
    b'{"event_name": "oh\\xe9", ',
    b"base64:b2g=",
    b"base64:not base64 at all",
    b"a\0b\\x00c",
    b"\xff" * 100 + "🎈".encode(),
    b"it's $1 \\ %s {",
]


@pytest.mark.parametrize("original", [b"", b"plain", *ORIGINALS])
def test_bytes_come_back(original: bytes) -> None:
    assert sent(kept(original)) == original
    assert "\0" not in kept(original)


def test_text_is_kept_as_text() -> None:
    for original in (b"", b"plain", "🎈 \\xe9 base64:".encode()):
        assert kept(original) == original.decode()


def test_what_an_older_version_has_kept_is_text() -> None:
    assert sent("base64:no base64!") == b"base64:no base64!"
    assert readable("oh\\xe9") == "oh\\xe9"
    assert readable(kept(b"oh\xe9")) == "oh\\xe9"


def test_a_replay_reads_the_bytes_that_were_sent(
    product: Product, stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream.keep([refusal(original, place) for place, original in enumerate(ORIGINALS)])
    assert Sink(stream.journal, product.warehouse).step()
    file = tmp_path / "broken.ndjson"
    good = json.dumps(event(1)).encode()  # or it would be no file of events
    file.write_bytes(b"".join(line + b"\n" for line in (good, *ORIGINALS)))
    report = load([file], "ndjson", product.warehouse, product.settings)
    assert report.dead_letters == len(ORIGINALS), report
    stored = letters(product.warehouse, Chosen())
    for of_door in (True, False):
        kept_of_it = [letter["original"] for letter in stored if (letter["origin"] == ORIGIN) is of_door]
        assert sorted(map(sent, kept_of_it)) == sorted(ORIGINALS)

    read: list[bytes] = []
    again, batch_again = dead_letters.read_again, dead_letters.batch_again

    def read_again(settings: Any, origin: str, original: bytes, at: int) -> list[Arrival] | None:
        read.extend([original] * (origin == ORIGIN))
        return again(settings, origin, original, at)

    def read_files(originals: list[bytes]) -> Any:
        read.extend(originals)
        return batch_again(originals)

    monkeypatch.setattr(dead_letters, "read_again", read_again)
    monkeypatch.setattr(dead_letters, "batch_again", read_files)
    done = replay(product.settings, product.warehouse, Chosen())
    assert (done.loaded, done.still_refused) == (0, 2 * len(ORIGINALS))
    assert sorted(read) == sorted(2 * ORIGINALS)
    after = letters(product.warehouse, Chosen())
    assert {letter["attempts"] for letter in after} == {2}
    assert [letter["original"] for letter in after] == [letter["original"] for letter in stored]


def test_letters_are_chosen_by_what_they_are_and_by_nothing_that_they_say(
    product: Product, stream: Stream
) -> None:
    stream.take([event(1, event_timestamp="never"), event(2, event_timestamp="2999-01-01")])
    stream.keep([refusal(b"{")])
    Sink(stream.journal, product.warehouse).step()
    reader = product.warehouse.reader()
    of_reasons = counts(reader, Chosen())
    assert sum(of_reasons.values()) == 3
    for reason, count in of_reasons.items():
        assert len(letters(reader, Chosen(reason=reason))) == count
    for hostile in ("x' or 'a' = 'a", "'; drop table dead_letters; --", "$1", "\\'"):
        assert letters(reader, Chosen(reason=hostile)) == []
        assert drop(product.warehouse, Chosen(reason=hostile)) == 0
        for chosen in (Chosen(ids=(hostile,)), Chosen(since=hostile), Chosen(until=hostile)):
            with pytest.raises(UsageError):
                letters(reader, chosen)
    (first, second, third) = letters(reader, Chosen())
    ids = (first["dead_letter_id"][:12], third["dead_letter_id"])
    assert letters(reader, Chosen(ids=ids)) == [first, third]
    assert letters(reader, Chosen(), 2) == [first, second]
    at = str(first["refused_at"])
    assert len(letters(reader, Chosen(since=at, until="2999-01-01T00:00:00+02:00"))) == 3
    assert letters(reader, Chosen(until=at)) == []
    reader.close()
    assert drop(product.warehouse, Chosen(ids=ids, until="2999-01-01")) == 2
    assert drop(product.warehouse, Chosen()) == 1
    assert counts(product.warehouse, Chosen()) == {}
