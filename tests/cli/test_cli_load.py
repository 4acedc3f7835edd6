"""generate, load and build, one after the other, as a user types them."""

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

CLICK = {
    "event_name": "page_view",
    "event_timestamp": "2026-05-01T10:00:00Z",
    "user_pseudo_id": "d1",
    "source": "google",
    "medium": "cpc",
}
PURCHASE = {
    "event_name": "purchase",
    "event_timestamp": "2026-05-01T11:00:00Z",
    "user_pseudo_id": "d1",
    "value": "12.50",
    "transaction_id": "t1",
}
OF_NOBODY = {"event_name": "of nobody", "event_timestamp": "2026-05-01T11:00:00Z"}
EVENTS = "".join(json.dumps(event) + "\n" for event in (CLICK, PURCHASE, OF_NOBODY))


def test_from_a_file_to_a_table(run: Any) -> None:
    Path("events.ndjson").write_text(EVENTS)
    ran = run("load", "events.ndjson", "--home", "my home")
    assert (ran.code, ran.err) == (0, "")
    assert "1 file: 2 accepted, 0 duplicates, 1 dead letter." in ran.out

    # The lines that are shown can be pasted.
    see, build = (line.partition(": ")[2] for line in ran.out.splitlines() if "headwater " in line)
    seen = run(*shlex.split(see)[1:])
    assert seen.code == 0
    assert "of nobody" in seen.out

    again = json.loads(run("load", "events.ndjson", "--home", "my home", "--json").out)
    assert (again["accepted"], again["duplicates"]) == (0, 2)
    assert [file["path"] for file in again["files"]] == ["events.ndjson"]

    # In a process of its own, as for a user: dbt keeps its connection, and with it DuckDB the file.
    built = subprocess.run(
        [sys.executable, "-m", *shlex.split(build)], capture_output=True, text=True, check=False
    )
    assert (built.returncode, built.stderr) == (0, "")
    assert built.stdout.startswith("Full build (the first build): 1 person, ")
    first_click = "select attributed_channel, conversion_value from mart_first_click_attribution"
    ran = run("query", first_click, "--home", "my home", "--format", "csv")
    assert ran.err == ""
    assert ran.out == "attributed_channel,conversion_value\nPaid Search,12.5\n"

    report = json.loads(run("build", "--home", "my home", "--json").out)
    assert report["changed"] is False


def test_without_a_path_there_has_to_be_an_export(run: Any) -> None:
    ran = run("load")
    assert ran.code == 2
    assert "name files or folders, or let warehouse.export name a GA4 export" in ran.err
    ran = run("load", "bigquery://my-project.analytics_1")
    assert ran.code == 1
    assert "my-project.analytics_1 on BigQuery is no file: let warehouse.export name it" in ran.err


def test_a_file_that_cannot_be_read_is_1_and_the_others_are_loaded(run: Any) -> None:
    Path("events.ndjson").write_text(EVENTS)
    Path("broken.parquet").write_bytes(b"PAR1 and no more")
    ran = run("load", "broken.parquet", "events.ndjson", "--json")
    assert ran.code == 1
    assert "broken.parquet" in ran.err
    assert json.loads(ran.out)["accepted"] == 2


def test_a_path_that_is_not_there_is_1(run: Any) -> None:
    ran = run("load", "nowhere.ndjson")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "nowhere.ndjson" in ran.err


def test_generated_events_are_those_of_the_seed(run: Any) -> None:
    ran = run("generate", "--days", "2", "--persons", "50", "--seed", "1", "--out", "a b")
    assert ran.code == 0
    assert "Next: headwater load 'a b'" in ran.out
    assert run("generate", "--days", "2", "--persons", "50", "--seed", "1", "--out", "again").code == 0
    first, second = (sorted(path for path in Path(name).iterdir()) for name in ("a b", "again"))
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
