"""When an event reached each stage, of those that are known."""

import time

from engine.stream import Stream, event, refusal
from product import Product

from headwater.engine.engine import Engine
from headwater.engine.trace import STAGES, trace

HOSTILE = "it's \\ $1'); drop table events_streaming; --"


def test_each_stage_of_each_event(product: Product, stream: Stream) -> None:
    live = Engine(product.settings, product.warehouse, stream.journal)
    now = time.time_ns() // 1000
    for number in range(50):  # of other moments, before and after
        stream.take([event(100 + number)], received_at=now - 1_000_001 + number * 40_000)
    stream.take([event(1), event(2), event(3, stream_id="another")], received_at=now)
    stream.keep([refusal(b"{")])
    stream.take([event(4, event_id=HOSTILE)])
    stream.take([event(1)])  # a repeat, which is not kept
    while live._load_what_waits():
        pass
    found = trace(live, ["e1", "e2", "e3", "nobody", HOSTILE], "default")
    assert [one["event_id"] for one in found][:4] == ["e1", "e2", "e3", "nobody"]
    known = [[stage for stage in STAGES if one[stage]] for one in found]
    assert known == [list(STAGES[:4]), list(STAGES[:4]), [], [], list(STAGES[:4])]
    (e1, e2, *_) = found
    assert e1["journaled_at"] == e2["journaled_at"]
    assert e1["received_at"] < e1["journaled_at"] < e1["loaded_at"]
    assert [one["event_id"] for one in trace(live, ["e3", "e1"], "another") if one["journaled_at"]] == ["e3"]
    assert trace(live, ["e1"], HOSTILE) == trace(live, ["e1"], "nobody's")
    # what has left the journal, and of which the append is forgotten
    stream.journal.prune(stream.journal.last_seq(), 2**62, 1000)
    product.warehouse.execute("delete from headwater_batches")
    (e1,) = trace(live, ["e1"], "default")
    assert [stage for stage in STAGES if e1[stage]] == ["generated_at", "received_at"]
