"""Threads that answer at the same time each speak of the build that they see themselves."""

from pathlib import Path
from threading import Barrier, Thread
from typing import cast

import pytest

from headwater.serve import routes
from headwater.serve.notices import Publications
from headwater.serve.questions.meta import Reach
from headwater.serve.routes import Source
from headwater.settings import Settings
from headwater.warehouse.protocol import Warehouse


def test_no_answer_names_the_build_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look at once: one in a snapshot of before the publication, one in a snapshot of after it."""
    together = Barrier(2)

    class Meeting(Source):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "_known" and isinstance(value, Reach) and value.build_id:
                together.wait(5)  # until the other has written its own, too

    monkeypatch.setattr(routes, "newest_build", lambda reader: reader)
    monkeypatch.setattr(routes, "reach", lambda reader: Reach(reader))
    source = Meeting(Settings(home=tmp_path), lambda: cast(Warehouse, None), dict, Publications())
    seen: dict[int, int] = {}

    def look(build_id: int) -> None:
        seen[build_id] = source._reach(cast(Warehouse, build_id)).build_id

    threads = [Thread(target=look, args=(build_id,)) for build_id in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {1: 1, 2: 2}
