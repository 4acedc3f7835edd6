"""What the generator knows of its visitors, against what the models find out from their events."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.csv as csv
from product import Product

from headwater.sources.load import load
from headwater.sources.synthetic import generate

CLICKS = """
    select
        conversions.conversion_at,
        conversions.conversion_value,
        conversions.transaction_id,
        credits.attribution_model,
        credits.touch_at,
        credits.source,
        credits.medium,
        credits.campaign
    from int_conversions as conversions
    join int_attribution_credits as credits on credits.conversion_id = conversions.conversion_id
    where credits.attribution_model in ('first_click', 'last_click')
"""


def moment(value: Any) -> str:
    return str(value).replace("T", " ").removesuffix("Z").removesuffix(".000000")


def test_the_built_clicks_are_the_true_ones(new_product: Callable[..., Product], tmp_path: Path) -> None:
    generate(tmp_path / "events", days=45, persons=2_500, seed=11, start=date(2026, 3, 1))
    table = csv.read_csv(
        tmp_path / "events" / "truth.csv",
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(TRUTH, "string"), strings_can_be_null=False
        ),
    )
    wanted = sorted(
        (
            moment(row["conversion_at"]),
            Decimal(row["value"]),
            row["transaction_id"],
            model,
            moment(row[f"{model}_touch_at"]),
            *(row[f"{model}_{name}"] for name in ("source", "medium", "campaign")),
        )
        for row in table.to_pylist()
        for model in ("first_click", "last_click")
    )

    product = new_product()
    load([tmp_path / "events"], "auto", product.warehouse, product.settings)
    product.build(test=False)
    built = sorted(
        (
            moment(row["conversion_at"]),
            Decimal(row["conversion_value"]),
            row["transaction_id"] or "",
            row["attribution_model"],
            moment(row["touch_at"]),
            *(row[name] or "" for name in ("source", "medium", "campaign")),
        )
        for row in product.rows(CLICKS)
    )
    assert len(wanted) > 100
    assert built == wanted


TRUTH = (
    "transaction_id", "conversion_at", "value",
    "first_click_touch_at", "first_click_source", "first_click_medium", "first_click_campaign",
    "last_click_touch_at", "last_click_source", "last_click_medium", "last_click_campaign",
)  # fmt: skip
