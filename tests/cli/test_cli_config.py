"""init and config show."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import DEFAULT_TOML
from headwater.settings.read import LEAVES


def test_init_writes_the_file_and_says_what_next(run: Any) -> None:
    ran = run("init", "--home", "my home")
    assert ran.code == 0
    assert Path("my home/headwater.toml").read_text() == DEFAULT_TOML
    assert "headwater load PATH --home 'my home'" in ran.out


def test_init_leaves_a_file_that_is_there(run: Any) -> None:
    assert run("init").code == 0
    path = Path(".headwater/headwater.toml")
    path.write_text('timezone = "Asia/Tokyo"\n')
    ran = run("init")
    assert ran.code == 1
    assert "is there already" in ran.err
    assert path.read_text() == 'timezone = "Asia/Tokyo"\n'


def test_init_in_a_file_is_a_sentence(run: Any) -> None:
    Path("taken").write_text("")
    ran = run("init", "--home", "taken")
    assert ran.code == 1
    assert ran.err == "error: taken is a file; name a folder with --home.\n"


def test_config_show_says_where_each_value_is_from(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("h").mkdir()
    Path("h/headwater.toml").write_text("[attribution]\nlookback_days = 30\nhalf_life_days = 2.5\n")
    monkeypatch.setenv("HEADWATER_ATTRIBUTION__HALF_LIFE_DAYS", "3")
    rows = {
        row["key"]: (row["value"], row["from"])
        for row in json.loads(run("config", "show", "--home", "h", "--json").out)
    }
    assert list(rows) == list(LEAVES)
    assert rows["attribution.lookback_days"] == (30, "headwater.toml")
    assert rows["attribution.half_life_days"] == (3.0, "HEADWATER_ATTRIBUTION__HALF_LIFE_DAYS")
    assert rows["timezone"] == ("UTC", "default")


def test_config_show_as_a_table_is_toml(run: Any) -> None:
    lines = run("config", "show").out.splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    document = tomllib.loads("\n".join(f"{key} = {value}" for key, value, _ in cells))
    assert document["attribution"]["conversion_events"] == ["purchase"]
    assert {origin for _, _, origin in cells} == {"default"}


@pytest.mark.parametrize("words", [["config", "show"], ["config", "show", "--json"]])
def test_config_show_masks_the_password(words: list[str], run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_WAREHOUSE__URL", "postgresql://me:s3cr3t@db/shop")
    ran = run(*words)
    assert "postgresql://me:***@db/shop" in ran.out
    assert "s3cr3t" not in ran.out
