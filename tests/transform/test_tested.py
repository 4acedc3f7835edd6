"""A test that has failed stands until it has run again where it failed."""

from pathlib import Path

from headwater.transform.tested import FILE_NAME, note, recall


def failing(home: Path) -> list[tuple[str, bool]]:
    tested = recall(home)
    assert tested
    return [(one.name, one.is_published) for one in tested.failed]


def test_what_failed_stands_until_it_has_run_again(tmp_path: Path) -> None:
    assert recall(tmp_path) is None
    note(tmp_path, ["a", "b", "c"], {"b": "b is wrong."})
    note(tmp_path, ["a", "c"], {"a": "a is wrong."}, of_published=True)  # which says nothing of b
    assert failing(tmp_path) == [("a", True), ("b", False)]
    note(tmp_path, ["a", "b", "c"], {})  # over some persons: what is published may be as wrong as before
    assert failing(tmp_path) == [("a", True)]
    note(tmp_path, ["a", "c"], {}, of_published=True)
    assert failing(tmp_path) == []
    note(tmp_path, ["a", "c"], {"a": "a is wrong."}, of_published=True)
    note(tmp_path, ["c", "d"], {}, of_everything=True)
    assert failing(tmp_path) == []
    tested = recall(tmp_path)
    assert tested
    assert tested.tests == 2


def test_a_torn_file_is_none(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"at": 1')
    assert recall(tmp_path) is None
