"""What surrounds every command: help, exit codes, errors, common options."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from headwater import __version__
from headwater.cli.app import app, common_options_first
from headwater.cli.frame import written
from headwater.errors import OutputError


def all_commands() -> Iterator[tuple[list[str], Any]]:
    def below(path: list[str], command: Any) -> Iterator[tuple[list[str], Any]]:
        yield path, command
        for name, inner in getattr(command, "commands", {}).items():
            yield from below([*path, name], inner)

    yield from below([], typer.main.get_command(app))


COMMANDS = list(all_commands())


@pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=[" ".join(path) or "headwater" for path, _ in COMMANDS]
)
def test_every_command_and_option_is_explained(path: list[str], command: Any, run: Any) -> None:
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{path} {parameter.name}"
    ran = run(*path, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert command.help.split()[0] in ran.out


def test_version(run: Any) -> None:
    assert run("--version").out == f"headwater {__version__}\n"


def test_no_command_shows_the_help_and_is_wrong_usage(run: Any) -> None:
    ran = run()
    assert ran.code == 2
    assert "classify" in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["buld"], "Did you mean 'build', 'rebuild'?"),
        (["config", "shw"], "Did you mean 'show'?"),
        (["config"], "Missing command"),
        (["query", "--formt", "csv", "select 1"], "--format"),
        (["query", "--format", "xml", "select 1"], "'xml' is not one of 'table', 'csv', 'json'"),
        (["export"], "Missing argument"),
        (["generate", "--days", "0"], "--days"),
    ],
)
def test_wrong_usage_is_one_sentence_and_2(words: list[str], said: str, run: Any) -> None:
    ran = run(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert said in ran.err
    assert "--help`." in ran.err


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        (["load", "--home", "x", "f"], ["--home", "x", "load", "f"]),
        (["load", "--home=x", "f", "--debug"], ["--home=x", "--debug", "load", "f"]),
        (["load", "f", "--home"], ["--home", "load", "f"]),
        (["query", "--", "--home", "--debug"], ["query", "--", "--home", "--debug"]),
        (["query", "select '--home'"], ["query", "select '--home'"]),
    ],
)
def test_common_options_may_follow_the_command(given: list[str], moved: list[str]) -> None:
    assert common_options_first(given) == moved


@pytest.mark.parametrize("words", [["--home", "a", "init"], ["init", "--home", "a"], ["init", "--home=a"]])
def test_home_before_and_after(words: list[str], run: Any) -> None:
    assert run(*words).code == 0
    assert Path("a/headwater.toml").is_file()


def test_home_from_the_environment_yields_to_the_option(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_HOME", "from_variable")
    assert run("init").code == 0
    assert run("init", "--home", "from_option").code == 0
    assert Path("from_variable/headwater.toml").is_file()
    assert Path("from_option/headwater.toml").is_file()
    assert not Path(".headwater").exists()


def test_a_failure_is_one_sentence_and_1(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_TIMEZONE", "Mars/Base")
    ran = run("config", "show")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert ran.err.startswith("error: timezone is 'Mars/Base' in HEADWATER_TIMEZONE")


@pytest.mark.parametrize("by_variable", [True, False])
def test_debug_adds_the_traceback(by_variable: bool, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_TIMEZONE", "Mars/Base")
    monkeypatch.setenv("HEADWATER_DEBUG", "1" if by_variable else "0")
    ran = run("config", "show", *([] if by_variable else ["--debug"]))
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert ran.err.splitlines()[-1].startswith("error: timezone")


def raising(error: BaseException) -> Any:
    def load_settings(*_: Any) -> None:
        raise error

    return load_settings


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            ZeroDivisionError("of nothing"),
            1,
            "(ZeroDivisionError: of nothing). Run the command again with --debug",
        ),
        (PermissionError(13, "Permission denied", "/x/y"), 1, "error: /x/y: Permission denied."),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_nobody_foresaw_is_told_without_a_traceback(
    error: BaseException, code: int, said: str, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.settings.load_settings", raising(error))
    ran = run("config", "show")
    assert ran.code == code
    assert said in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("words", [["--version"], ["init"], ["config", "show", "--json"]])
def test_a_reader_that_has_enough_is_no_error(words: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = subprocess.run(
        [sys.executable, "-m", "headwater", *words, "--home", str(tmp_path)],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    os.close(writing)
    assert command.stderr == b""
    assert command.returncode == 1


def test_help_imports_nothing_heavy() -> None:
    """0.4 seconds is the promise; what would break it is an import, and that can be seen on any machine."""
    code = "import sys, headwater.cli; headwater.cli.main(['--help']); print(*sys.modules, file=sys.stderr)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"dbt", "duckdb", "pyarrow", "numpy", "pydantic"} & set(ran.stderr.split()) == set()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError), written(path) as part:
        part.write_text("half \udcff", encoding="utf-8")
    assert path.read_text() == "before"
    with written(path) as part:
        part.write_text("after")
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]
    with (
        pytest.raises(OutputError, match=r"no/out.csv cannot be written .*--out"),
        written(tmp_path / "no/out.csv") as part,
    ):
        part.write_text("x")
