"""From headwater.toml and the environment to Settings; a refusal is one sentence that says what and where."""

import difflib
import json
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from headwater.errors import SettingsError
from headwater.settings.checks import masked, nearest
from headwater.settings.keys import ChannelRule, Keys, Settings

FILE_NAME = "headwater.toml"
PREFIX = "HEADWATER_"
NOT_KEYS = ("HEADWATER_HOME", "HEADWATER_DEBUG")
_URLS = ("warehouse.url", "collect.journal_url")  # which may hold a password


def _sections() -> dict[str, type[BaseModel]]:
    return {
        name: field.annotation
        for name, field in Keys.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def _leaves() -> Iterator[tuple[str, FieldInfo]]:
    for name, field in Keys.model_fields.items():
        if name in SECTIONS:
            for key, leaf in SECTIONS[name].model_fields.items():
                yield f"{name}.{key}", leaf
        else:
            yield name, field


SECTIONS = _sections()
LEAVES = dict(_leaves())


def variable(key: str) -> str:
    """The environment variable of a dotted key."""
    return PREFIX + key.upper().replace(".", "__")


VARIABLES = {variable(key): key for key in LEAVES}


def load_settings(home: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Defaults, then headwater.toml in `home` where there is one, then HEADWATER_* variables."""
    path = home / FILE_NAME
    values = _known_keys(_read_toml(path), path)
    origins = dict.fromkeys(LEAVES, "default") | dict.fromkeys(values, FILE_NAME)
    for name, text in environ.items():
        if name.startswith(PREFIX) and name not in NOT_KEYS:
            key = VARIABLES.get(name)
            if key is None:
                raise _unknown(f"The variable {name}", name, nearest(name, VARIABLES))
            values[key] = _from_text(key, text, name)
            origins[key] = name
    try:
        return Settings.model_validate({**_nested(values), "home": home.absolute(), "origins": origins})
    except ValidationError as error:
        found = error.errors(include_url=False)
    # A misspelt key explains the missing one, so it goes first.
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    raise _refusal(first, values, origins, path)


def flat(settings: Settings) -> dict[str, Any]:
    """Dotted key → value, as it may be shown: lists as lists, passwords masked."""
    dumped = settings.model_dump(mode="json", exclude={"home", "origins"}, exclude_none=True)
    values = {}
    for key in LEAVES:
        section, _, name = key.rpartition(".")
        values[key] = dumped[section][name] if section else dumped[name]
    return {key: masked(value) if key in _URLS else value for key, value in values.items()}


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}; correct that place and try again.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8 text; save it as UTF-8 and try again.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}; is --home right?") from None


def _known_keys(document: dict[str, Any], path: Path) -> dict[str, Any]:
    values = {}
    for name, value in document.items():
        if name in LEAVES:
            values[name] = value
        elif name not in SECTIONS:
            raise _unknown(f"{_written(name, value)} in {path}", name, _nearest_key(name))
        elif not isinstance(value, dict):
            raise SettingsError(f"{name} in {path} is a section; write its keys below a line [{name}].")
        else:
            for key, leaf in value.items():
                if f"{name}.{key}" not in LEAVES:
                    raise _unknown(f"{name}.{key} in {path}", key, _nearest_key(f"{name}.{key}"))
                values[f"{name}.{key}"] = leaf
    return values


def _written(name: str, value: object) -> str:
    return f"[{name}]" if isinstance(value, dict) else name


def _nearest_key(word: str) -> str | None:
    """Also finds a key that is right but stands in the wrong section."""
    last = word.rpartition(".")[2]
    by_last = {key.rpartition(".")[2]: key for key in reversed(LEAVES)}  # of equal names, the first
    if last in by_last:
        return by_last[last]
    if "." not in word and (section := difflib.get_close_matches(word.lower(), SECTIONS, n=1, cutoff=0.75)):
        return f"[{section[0]}]"
    found = nearest(word, LEAVES) or nearest(last, by_last)
    return by_last.get(found, found) if found else None


def _unknown(what: str, word: str, near: str | None) -> SettingsError:
    hint = f"did you mean {near}?" if near else "`headwater config show` lists the keys there are."
    return SettingsError(f"{what} is not a known key; {hint}")


def _nested(values: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    return nested


def _from_text(key: str, text: str, name: str) -> Any:
    """A variable's text as what the key holds; what cannot be that is refused with the variable's name."""
    field = LEAVES[key]
    default = field.get_default(call_default_factory=True)
    readers: dict[type, Callable[[str], Any]] = {
        bool: _boolean,
        int: int,
        float: float,
        tuple: _array,
        dict: _table,
    }
    try:
        return readers.get(type(default), str)(text)
    except ValueError:
        raise SettingsError(_sentence(key, text, name, field.description, "")) from None


def _boolean(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "false", "1", "0", "yes", "no", "on", "off"):
        raise ValueError
    return word in ("true", "1", "yes", "on")


def _array(text: str) -> list[Any]:
    if text.lstrip().startswith("["):
        found: list[Any] = json.loads(text)
        return found
    return [part.strip() for part in text.split(",") if part.strip()]


def _table(text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        found: dict[str, Any] = json.loads(text)
        return found
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError
    return {name.strip(): value.strip() for name, _, value in pairs}


def _refusal(
    error: ErrorDetails, values: dict[str, Any], origins: dict[str, str], path: Path
) -> SettingsError:
    loc = error["loc"]
    key = next(key for key in (str(loc[0]), ".".join(map(str, loc[:2]))) if key in LEAVES)
    where = str(path) if origins[key] == FILE_NAME else origins[key]
    reason = str(error["ctx"]["error"]) if error["type"] == "value_error" else ""
    if key == "channel_rules" and len(loc) > 1:
        return _rule_refusal(error, values[key][int(loc[1])], reason, where)
    return SettingsError(_sentence(key, values[key], where, LEAVES[key].description, reason))


def _rule_refusal(error: ErrorDetails, rule: Any, reason: str, where: str) -> SettingsError:
    what = f"channel_rules[{error['loc'][1]}]"
    inner = error["loc"][2] if len(error["loc"]) > 2 else None
    if inner is None:
        allowed = "a table with a channel and a source, medium or campaign pattern"
        return SettingsError(_sentence(what, rule, where, allowed, reason))
    if inner not in ChannelRule.model_fields:
        return _unknown(
            f"{what}.{inner} in {where}", str(inner), nearest(str(inner), ChannelRule.model_fields)
        )
    allowed = ChannelRule.model_fields[str(inner)].description or ""
    if inner not in rule:
        return SettingsError(f"{what} in {where} has no {inner}; it must have one, {allowed}.")
    return SettingsError(_sentence(f"{what}.{inner}", rule[inner], where, allowed, reason))


def _sentence(key: str, value: object, where: str, allowed: str | None, reason: str) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    shown = (masked(text) if key in _URLS else text)[:200]
    because = f" ({reason})" if reason else ""
    quoted = f"'{shown}'" if isinstance(value, str) else shown
    return f"{key} is {quoted} in {where}, but must be {allowed}{because}."
