"""query, export, tables, classify, on a warehouse with one small table."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from headwater.settings import load_settings
from headwater.warehouse import open_warehouse


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    with open_warehouse(load_settings(home, {})) as warehouse:
        warehouse.execute(
            """
            create table mart_clicks as
            select * from (values
                (1, '=cmd', cast(1.50 as decimal(18, 6)), timestamp '2026-05-01 10:00:00', true),
                (2, null, cast(-2 as decimal(18, 6)), timestamp '2026-05-01 10:00:00.000001', false)
            ) as clicks (id, campaign, worth, clicked_at, is_first)
            """
        )
    return home


ROWS = "select * from mart_clicks order by id"
AS_CSV = """\
id,campaign,worth,clicked_at,is_first
1,'=cmd,1.5,2026-05-01T10:00:00.000000,true
2,,-2,2026-05-01T10:00:00.000001,false
"""


def test_query_prints_a_table(home: Path, run: Any) -> None:
    ran = run("query", ROWS, "--home", str(home))
    assert (ran.code, ran.err) == (0, "")
    assert [" ".join(line.split()) for line in ran.out.splitlines()][2:] == [
        "| 1 | =cmd | 1.5 | 2026-05-01 10:00:00 | true |",
        "| 2 | ∅ | -2 | 2026-05-01 10:00:00.000001 | false |",
    ]


def test_query_prints_csv(home: Path, run: Any) -> None:
    assert run("query", ROWS, "--home", str(home), "--format", "csv").out == AS_CSV


def test_query_prints_json(home: Path, run: Any) -> None:
    rows = json.loads(run("query", ROWS, "--home", str(home), "--format", "json").out)
    assert rows[0] == {
        "id": 1,
        "campaign": "=cmd",
        "worth": 1.5,
        "clicked_at": "2026-05-01T10:00:00.000000",
        "is_first": True,
    }
    assert rows[1]["campaign"] is None


@pytest.mark.parametrize("sql", ["selec 1", "select * from nowhere", "drop table mart_clicks"])
def test_query_that_fails_is_one_sentence(sql: str, home: Path, run: Any) -> None:
    ran = run("query", sql, "--home", str(home))
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert (
        run("query", "select count(*) as n from mart_clicks", "--home", str(home), "--format", "csv").out
        == "n\n2\n"
    )


def test_query_without_sql_is_wrong_usage(home: Path, run: Any) -> None:
    ran = run("query", " ", "--home", str(home))
    assert ran.code == 2
    assert "The SQL is empty" in ran.err


def test_nothing_is_made_by_reading_where_nothing_is(run: Any) -> None:
    ran = run("query", "select 1", "--home", "nowhere")
    assert ran.code == 1
    assert "headwater load" in ran.err
    assert not Path("nowhere").exists()


def test_export_writes_csv_to_stdout_or_to_a_file(home: Path, run: Any) -> None:
    ran = run("export", "MART_clicks", "--home", str(home))
    assert sorted(ran.out.splitlines()) == sorted(AS_CSV.splitlines())
    ran = run("export", "mart_clicks", "--home", str(home), "--out", "clicks.csv")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "Wrote 2 rows of mart_clicks to clicks.csv.\n"
    assert sorted(Path("clicks.csv").read_text().splitlines()) == sorted(AS_CSV.splitlines())


def test_export_writes_parquet_with_its_types(home: Path, run: Any) -> None:
    assert run("export", "mart_clicks", "--home", str(home), "--format", "parquet").code == 0
    table = pyarrow.parquet.read_table("mart_clicks.parquet").sort_by("id")
    assert table["campaign"].to_pylist() == [
        "=cmd",
        None,
    ]  # no spreadsheet runs Parquet, so nothing is altered
    assert str(table.schema.field("worth").type) == "decimal128(18, 6)"


def test_query_of_an_unknown_table_names_the_nearest(home: Path, run: Any) -> None:
    ran = run("query", "select * from mart_click", "--home", str(home))
    assert (ran.code, ran.err) == (1, "error: There is no table 'mart_click'; did you mean mart_clicks?\n")


def test_export_of_an_unknown_table_names_the_nearest(home: Path, run: Any) -> None:
    ran = run("export", "mart_click", "--home", str(home))
    assert (ran.code, ran.err) == (1, "error: There is no table 'mart_click'; did you mean mart_clicks?\n")
    assert "`headwater tables`" in run("export", "1; drop", "--home", str(home)).err


def test_export_to_where_nothing_can_be_written(home: Path, run: Any) -> None:
    for format in ("csv", "parquet"):
        ran = run("export", "mart_clicks", "--home", str(home), "--format", format, "--out", "no/clicks")
        assert ran.code == 1
        assert "no/clicks cannot be written" in ran.err
        assert "--out" in ran.err


def test_tables_lists_what_is_there_and_what_it_holds(home: Path, run: Any) -> None:
    out = run("tables", "--home", str(home)).out
    described = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in out.splitlines()[2:]}
    assert "mart_clicks" in described
    assert described["dead_letters"].startswith("One row per refused event")


def test_classify_adds_the_channel(run: Any) -> None:
    Path("tags.csv").write_text("source,medium,campaign\ngoogle,cpc,spring\nnews,email,\n")
    assert run("classify", "tags.csv").out.splitlines()[1:] == [
        "google,cpc,spring,Paid Search",
        "news,email,,Email",
    ]
    assert run("classify", "tags.csv", "--explain", "--out", "out.csv").out == ""
    with Path("out.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert first["channel"] == "Paid Search"
    assert first["rule"]


def test_classify_takes_the_group_and_the_rules_of_the_settings(run: Any) -> None:
    Path("tags.csv").write_text("source,medium,campaign\nx.com,social,\npartner-7,link,\n")
    Path("home").mkdir()
    Path("home/headwater.toml").write_text(
        '[attribution]\nchannel_group = "simple"\n'
        '[[channel_rules]]\nchannel = "Partners"\nsource = "^partner-.*"\n'
    )
    out = run("classify", "tags.csv", "--home", "home").out
    assert [line.split(",")[-1] for line in out.splitlines()[1:]] == ["Social", "Partners"]
    out = run("classify", "tags.csv", "--home", "home", "--group", "ga4").out
    assert [line.split(",")[-1] for line in out.splitlines()[1:]] == ["Organic Social", "Partners"]


def test_classify_that_fails_leaves_the_old_output(run: Any) -> None:
    Path("out.csv").write_text("before")
    Path("tags.csv").write_text("a,b\n1,2\n")
    for file in ("tags.csv", "missing.csv"):
        ran = run("classify", file, "--out", "out.csv")
        assert (ran.code, ran.err.count("\n")) == (1, 1)
        assert file in ran.err
    assert Path("out.csv").read_text() == "before"
