"""The demo goes on from the synthetic history: what it streams belongs to the same shop's books."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from product import Product

from headwater.sources.load import load
from headwater.sources.synthetic import generate
from headwater.stream.run import named_run
from headwater.stream.script import demo


def test_a_build_with_its_tests_passes_after_history_and_stream(
    new_product: Callable[..., Product], tmp_path: Path
) -> None:
    product = new_product()
    generate(tmp_path / "history", days=3, persons=300, seed=7, start=date(2026, 11, 18))
    load([tmp_path / "history"], "auto", product.warehouse, product.settings)
    steps = demo(named_run("20261121T060708123-0a1b"), 1, 12)
    product.load([{**step.event, "stream_id": "demo", "source_kind": "stream"} for step in steps])
    assert product.build(full_refresh=True, test=True).tests > 0
    streamed = "conversion_id like 'demo/%'"
    assert product.rows(
        f"select {streamed} as is_streamed, min(currency) as currency, count(*) > 1 as are_several "
        f"from int_conversions group by 1 order by 1"
    ) == [
        {"is_streamed": is_streamed, "currency": "USD", "are_several": True} for is_streamed in (False, True)
    ]
