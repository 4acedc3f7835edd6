"""Fixtures: a product whose events come by stream."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine.stream import Stream
from product import Product


@pytest.fixture
def new_stream() -> Iterator[Callable[[Path], Stream]]:
    made: list[Stream] = []

    def make(home: Path) -> Stream:
        made.append(Stream(home))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def product(new_product: Callable[..., Product]) -> Product:
    return new_product()


@pytest.fixture
def stream(product: Any, new_stream: Callable[[Path], Stream]) -> Stream:
    return new_stream(product.home)
