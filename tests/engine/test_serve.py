"""How the threads of `headwater engine` start."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine.process import Home, environment, until

from headwater.engine.address import find

# Writes down each module that is looked for while the thread "live" is there, and by which thread.
NOTING = """
import sys, threading
from headwater.cli import main

class Noting:
    def find_spec(self, name, path=None, target=None):
        if any(thread.name == "live" for thread in threading.enumerate()):
            print(threading.current_thread().name, name, file=noted, flush=True)

noted = open(sys.argv.pop(1), "w")
sys.meta_path.insert(0, Noting())
sys.exit(main())
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "home", "duckdb:///warehouse.duckdb")
    yield made
    made.close()


def test_what_answers_is_imported_before_the_first_tick_imports_dbt(home: Home, tmp_path: Path) -> None:
    """Two threads that import one package at once may each find the other's half of it."""
    noted = tmp_path / "noted"
    words = home.command("engine")[3:]
    with home.log.open("ab") as log:
        home.process = subprocess.Popen(
            [sys.executable, "-c", NOTING, str(noted), *words], stdout=log, stderr=log, env=environment()
        )
    until(lambda: find(home.home), 120, home.said)
    until(lambda: "live dbt.cli.main\n" in noted.read_text(), 60, home.said)
    assert home.run("query", "select 1 as one").returncode == 0, home.said()
    assert home.stop()[0] == 0, home.said()
    by_others = [line for line in noted.read_text().splitlines() if line.startswith("MainThread ")]
    assert by_others == []
