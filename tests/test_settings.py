"""Settings: every key from the file and from its variable, and a sentence for each thing that is wrong."""

import json
import re
import string
import tomllib
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headwater.errors import SettingsError
from headwater.settings import (
    DEFAULT_TOML,
    FILE_NAME,
    Attribution,
    Settings,
    check_pattern,
    flat,
    load_settings,
    masked,
    nearest,
    variable,
)
from headwater.settings.checks import MODELS
from headwater.settings.read import LEAVES

# Another value than the default for each key; a key without one here fails the tests below.
OTHER: dict[str, Any] = {
    "timezone": "Europe/Berlin",
    "reporting_currency": "EUR",
    "warehouse.url": "postgresql://me@db.example:5432/shop",
    "warehouse.writer": "insert_all",
    "warehouse.max_gb_billed": 2.5,
    "warehouse.location": "europe-west3",
    "warehouse.budget_usd_per_month": 200.0,
    "warehouse.export": ["my-project.analytics_123", "bigquery-public-data.ga4_obfuscated_sample_ecommerce"],
    "warehouse.export_minutes": 60.0,
    "attribution.lookback_days": 30,
    "attribution.session_timeout_minutes": 45,
    "attribution.conversion_events": ["purchase", "sign_up"],
    "attribution.models": ["linear", "last_click"],
    "attribution.ignore_direct": [],
    "attribution.half_life_days": 3.5,
    "attribution.identity": "device",
    "attribution.collapse_same_channel_day": False,
    "attribution.channel_group": "simple",
    "attribution.internal_domains": ["shop.example"],
    "attribution.ignored_referrers": ["pay.example", "bank.example"],
    "collect.host": "0.0.0.0",
    "collect.port": 9001,
    "collect.workers": 4,
    "collect.allowed_origins": ["https://www.example.com"],
    "collect.rate_limit": 50,
    "collect.max_body_mb": 2,
    "collect.journal_url": "kafka://a.example:9092,b.example:9092/events?group.id=mine",
    "collect.journal_max_mb": 64,
    "collect.retention_days": 0.5,
    "collect.redact_emails": False,
    "serve.host": "::1",
    "serve.port": 9002,
    "dashboard.port": 9003,
    "stream.max_event_age_hours": 24,
    "stream.supersede_streamed": False,
    "stream.retention_days": 7,
    "stream.tick_seconds": 2.5,
    "stream.test_minutes": 0.0,
    "prices.query_per_tib": 7.5,
    "prices.free_query_tib": 0.0,
    "prices.active_storage_per_gib": 0.023,
    "prices.long_term_storage_per_gib": 0.016,
    "prices.free_storage_gib": 0.0,
    "prices.storage_write_per_gib": 0.03,
    "prices.free_storage_write_tib": 0.0,
    "prices.insert_all_per_200_mb": 0.012,
    "prices.slot_hour": 0.08,
    "streams": {"G-ABC": "4711"},
    "channel_rules": [{"channel": "Partners", "source": "^partner", "valid_from": "2026-01-01"}],
}


def as_toml(values: dict[str, Any]) -> str:
    def literal(value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f'"{key}" = {literal(item)}' for key, item in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(literal, value)) + "]"
        return json.dumps(value)

    return "\n".join(f"{key} = {literal(value)}" for key, value in values.items())


def read(home: Path, toml: str = "", **variables: str) -> Settings:
    (home / FILE_NAME).write_text(toml, encoding="utf-8")
    return load_settings(home, {f"HEADWATER_{name}": text for name, text in variables.items()})


def refusal(home: Path, toml: str = "", **variables: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(home, toml, **variables)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_without_a_file_there_are_defaults_and_no_file_is_made(tmp_path: Path) -> None:
    found = load_settings(tmp_path, {})
    assert (found.timezone, found.attribution.lookback_days, found.home) == ("UTC", 14, tmp_path)
    assert found.attribution.models == ("first_click", "last_click", "linear", "position_based", "time_decay")
    assert set(found.origins.values()) == {"default"}
    assert list(tmp_path.iterdir()) == []


def test_the_home_stays_where_it_is_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(Path("here"), {}).home == tmp_path / "here"


def test_the_written_file_holds_every_key_with_its_default(tmp_path: Path) -> None:
    assert flat(read(tmp_path, DEFAULT_TOML)) == flat(load_settings(tmp_path / "none", {}))
    document = tomllib.loads(DEFAULT_TOML.replace("# [streams]", "[streams]").replace("# [[", "[["))
    leaves = {
        f"{name}.{key}" for name, section in document.items() if isinstance(section, dict) for key in section
    }
    assert {key for key in LEAVES if "." in key} <= leaves
    assert {key for key in LEAVES if "." not in key} <= set(document)


def test_the_commented_examples_of_the_written_file_are_valid(tmp_path: Path) -> None:
    examples = DEFAULT_TOML[DEFAULT_TOML.index("# [streams]") :]
    uncommented = "\n".join(line.removeprefix("# ") for line in examples.splitlines())
    found = read(tmp_path, uncommented)
    assert found.streams == {"G-ABC123": "4711"}
    assert found.channel_rules[0].channel == "Partners"


# What a key cannot stand without.
NEEDED: dict[str, dict[str, str]] = {"warehouse.export": {"warehouse.url": "bigquery://p/d"}}


def test_one_export_needs_no_list(tmp_path: Path) -> None:
    bigquery = '[warehouse]\nurl = "bigquery://my-project/headwater"\nexport = '
    for written, names in (('"my-project.analytics_1"', ("my-project.analytics_1",)), ('""', ()), ("[]", ())):
        assert read(tmp_path, bigquery + written).warehouse.export == names


@pytest.mark.parametrize("key", LEAVES)
def test_every_key_is_read_from_the_file(key: str, tmp_path: Path) -> None:
    found = read(tmp_path, as_toml({key: OTHER[key], **NEEDED.get(key, {})}))
    assert flat(found)[key] == OTHER[key]
    assert found.origins[key] == FILE_NAME
    assert set(found.origins) == set(LEAVES)


def as_text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize(
    "to_text", [as_text, lambda value: value if isinstance(value, str) else json.dumps(value)]
)
@pytest.mark.parametrize("key", LEAVES)
def test_every_variable_wins_over_the_file(key: str, to_text: Any, tmp_path: Path) -> None:
    default = flat(load_settings(tmp_path / "none", {}))[key]
    (tmp_path / FILE_NAME).write_text(as_toml({key: default, **NEEDED.get(key, {})}))
    found = load_settings(tmp_path, {variable(key): to_text(OTHER[key])})
    assert flat(found)[key] == OTHER[key]
    assert found.origins[key] == variable(key)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chosen=st.fixed_dictionaries(
        {},
        optional={
            "attribution.lookback_days": st.integers(1, 400),
            "attribution.session_timeout_minutes": st.integers(1, 1440),
            "attribution.half_life_days": st.floats(0, exclude_min=True, allow_infinity=False),
            "attribution.models": st.lists(st.sampled_from(MODELS), min_size=1, unique=True),
            "attribution.ignore_direct": st.lists(st.sampled_from(MODELS), unique=True),
            "attribution.conversion_events": st.lists(
                st.text(string.ascii_letters + "_,;[", min_size=1, max_size=100), min_size=1, unique=True
            ),
            "attribution.collapse_same_channel_day": st.booleans(),
            "collect.port": st.integers(1, 65535),
            "streams": st.dictionaries(
                st.text("G-AZ09", min_size=1), st.text("0123456789", min_size=1), max_size=3
            ),
        },
    )
)
def test_file_and_variables_say_the_same(chosen: dict[str, Any], tmp_path: Path) -> None:
    home = tmp_path / "with_file"
    home.mkdir(exist_ok=True)
    from_file = read(home, as_toml(chosen))
    texts = {variable(key): json.dumps(value) for key, value in chosen.items()}
    assert flat(from_file) == flat(load_settings(tmp_path / "none", texts))


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            'timezone = "Europe/Berln"',
            ["timezone", "'Europe/Berln'", "did you mean 'Europe/Berlin'?", FILE_NAME],
        ),
        ('timezone = "localtime"', ["there is no time zone 'localtime'"]),
        ('reporting_currency = "eur"', ["reporting_currency", "three upper-case letters", "'EUR'"]),
        (
            '[warehouse]\nurl = "mysql://db/x"',
            ["warehouse.url", "duckdb:///FILE", "bigquery://PROJECT/DATASET"],
        ),
        ('[warehouse]\nurl = "duckdb://x.duckdb"', ["duckdb:///FILE"]),
        ('[warehouse]\nurl = "bigquery://project"', ["bigquery://PROJECT/DATASET"]),
        (
            '[warehouse]\nexport = "my-project.analytics_1"',
            ["warehouse.export", "only BigQuery reads an export where it lies", "load its files instead"],
        ),
        (
            '[warehouse]\nurl = "bigquery://p/d"\nexport = "analytics_1"',
            ["'analytics_1' is no PROJECT.DATASET", "a list of several"],
        ),
        (
            '[warehouse]\nurl = "bigquery://p/d"\nexport = ["project.a_1", "project.a_1"]',
            ["'project.a_1' is named twice"],
        ),
        ('[warehouse]\nurl = "bigquery://p/d"\nexport = 1', ["PROJECT.DATASET of a GA4 export"]),
        ("[warehouse]\nexport_minutes = 0.5", ["a number from 1 to 1440"]),
        ('[warehouse]\nlocation = "eu west"', ["warehouse.location", "europe-west3"]),
        ('[warehouse]\nwriter = "insert"', ["storage_write or insert_all"]),
        ("[warehouse]\nmax_gb_billed = 0", ["from 0.01 to 1000000"]),
        ("[warehouse]\nbudget_usd_per_month = -1.0", ["budget_usd_per_month", "at least 0"]),
        ("[prices]\nquery_per_tib = nan", ["prices.query_per_tib", "at least 0"]),
        ("[attribution]\nlookback_days = 0", ["attribution.lookback_days is 0", "from 1 to 400"]),
        ("[attribution]\nlookback_days = 401", ["from 1 to 400"]),
        ("[attribution]\nlookback_days = true", ["is true", "whole number"]),
        ('[attribution]\nlookback_days = "14"', ["is '14'", "whole number"]),
        ("[attribution]\nlookback_days = 14.0", ["is 14.0", "whole number"]),
        ("[attribution]\nsession_timeout_minutes = 1441", ["from 1 to 1440"]),
        ("[attribution]\nhalf_life_days = 0", ["a number above 0"]),
        ("[attribution]\nhalf_life_days = nan", ["a number above 0"]),
        ("[attribution]\nhalf_life_days = inf", ["a number above 0"]),
        ("[attribution]\nconversion_events = []", ["at least one event name"]),
        ('[attribution]\nconversion_events = [""]', ["'' is empty"]),
        (f'[attribution]\nconversion_events = ["{"x" * 101}"]', ["longer than 100 characters"]),
        ('[attribution]\nconversion_events = ["a", "a"]', ["'a' is named twice"]),
        ("[attribution]\nmodels = []", ["at least one"]),
        ('[attribution]\nmodels = ["linaer"]', ["'linaer'", "did you mean 'linear'?", "time_decay"]),
        ('[attribution]\nmodels = ["linear", "markov"]', ["does not compute markov yet", "first_click"]),
        ('[attribution]\nignore_direct = ["shapley"]', ["does not compute shapley yet"]),
        ('[attribution]\nidentity = "person"', ["user or device"]),
        ('[attribution]\nchannel_group = "GA4"', ["ga4 or simple"]),
        ('[attribution]\ncollapse_same_channel_day = "yes"', ["true or false"]),
        ('[attribution]\ninternal_domains = ["a b"]', ["'a b' is not a domain"]),
        ("[collect]\nport = 65536", ["collect.port is 65536", "from 1 to 65535"]),
        ('[collect]\njournal_url = "kafka://db.example/events"', ["kafka://HOST:PORT/TOPIC", "pubsub://"]),
        ('[collect]\njournal_url = "kafka://a:9092/events?acks=0"', ["acks is no property"]),
        ('[collect]\njournal_url = "kafka://a:9092/ev ents"', ["kafka://HOST:PORT/TOPIC"]),
        ('[collect]\njournal_url = "pubsub://a-project/events?topic=x"', ["topic is not known there"]),
        (
            '[collect]\njournal_url = "pubsub://a-project/events?subscription=\'"',
            ["no name of a subscription"],
        ),
        ('[collect]\njournal_url = "sqlite://journal"', ["empty for the journal in the home"]),
        ('[streams]\nG-1 = ""', ["streams", "measurement id"]),
        ("[streams]\nG-1 = 1", ["streams", "measurement id"]),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(toml: str, said: list[str], tmp_path: Path) -> None:
    sentence = refusal(tmp_path, toml)
    for part in said:
        assert part in sentence


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('timezon = "UTC"', "timezon in .*; did you mean timezone?"),
        ("lookback_days = 3", "did you mean attribution.lookback_days?"),
        ("[attribution]\nlookback = 3", "attribution.lookback in .*did you mean attribution.lookback_days?"),
        ("[atribution]\nlookback_days = 3", r"\[atribution\] in .*did you mean \[attribution\]?"),
        ('home = "elsewhere"', "home in .* is not a known key"),
        ("origins = 1", "origins in .* is not a known key"),
        ("attribution = 1", r"attribution in .* is a section; write its keys below a line \[attribution\]"),
        ("timezone = ", "is not valid TOML"),
        (
            '[[channel_rules]]\nchanel = "P"\nsource = "a"',
            r"channel_rules\[0\].chanel .*did you mean channel?",
        ),
        ('[[channel_rules]]\nsource = "a"', r"channel_rules\[0\] in .* has no channel"),
        ('[[channel_rules]]\nchannel = "P"', "has no source, medium or campaign to match"),
        ('[[channel_rules]]\nchannel = "P"\nsource = "(?i)a"', r"channel_rules\[0\].source is .*group"),
        ('[[channel_rules]]\nchannel = "P"\nsource = "a"\nvalid_from = "soon"', "a date such as 2026-05-01"),
        ('[[channel_rules]]\nchannel = "P"\nsource = "a"\nvalid_from = 1', "a date such as 2026-05-01"),
        (
            '[[channel_rules]]\nchannel = "P"\nsource = "a"\nvalid_from = 2026-02-01\nvalid_to = 2026-01-31',
            "valid_from 2026-02-01 is after valid_to 2026-01-31",
        ),
        ("channel_rules = [1]", r"channel_rules\[0\] is 1"),
    ],
)
def test_what_is_not_known_is_told_with_the_nearest(toml: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=said):
        read(tmp_path, toml)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ATTRIBUTION__LOOKBACK", "3", "did you mean HEADWATER_ATTRIBUTION__LOOKBACK_DAYS?"),
        ("ATTRIBUTION_LOOKBACK_DAYS", "3", "did you mean HEADWATER_ATTRIBUTION__LOOKBACK_DAYS?"),
        (
            "ATTRIBUTION__LOOKBACK_DAYS",
            "ten",
            "'ten' in HEADWATER_ATTRIBUTION__LOOKBACK_DAYS, but must be a whole",
        ),
        ("ATTRIBUTION__HALF_LIFE_DAYS", "nan", "a number above 0"),
        ("ATTRIBUTION__COLLAPSE_SAME_CHANNEL_DAY", "maybe", "true or false"),
        ("ATTRIBUTION__CONVERSION_EVENTS", '["purchase"', "at least one event name"),
        ("STREAMS", "G-1", "measurement id"),
        ("TIMEZONE", "", "time zone"),
    ],
)
def test_a_bad_variable_is_named(name: str, text: str, said: str, tmp_path: Path) -> None:
    sentence = refusal(tmp_path, **{name: text})
    assert f"HEADWATER_{name}" in sentence
    assert said in sentence


def test_home_and_debug_are_no_keys_and_other_variables_are_not_ours(tmp_path: Path) -> None:
    environ = {"HEADWATER_HOME": "x", "HEADWATER_DEBUG": "1", "PATH": "y", "headwater_timezone": "z"}
    assert set(load_settings(tmp_path, environ).origins.values()) == {"default"}


def test_domains_are_taken_as_people_paste_them(tmp_path: Path) -> None:
    found = read(
        tmp_path, ATTRIBUTION__INTERNAL_DOMAINS="https://www.Shop.example/cart, b.example:443,b.example."
    )
    assert found.attribution.internal_domains == ("shop.example", "b.example")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert read(tmp_path, '\ufefftimezone = "Asia/Tokyo"').timezone == "Asia/Tokyo"


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path, {})
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(Path(__file__), {})
    other = tmp_path / "latin"
    other.mkdir()
    (other / FILE_NAME).write_bytes(b'timezone = "\xff"')
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings(other, {})


SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@db.example/shop",
        f"postgresql://me:a@b/{SECRET}:x?@db.example:5432/shop?sslmode=require",
        f"postgresql://db.example/shop?user=me&password={SECRET}&sslmode=require",
        f"postgres://:{SECRET}@db.example/shop",
    ],
)
def test_a_password_is_never_shown(url: str, tmp_path: Path) -> None:
    found = read(tmp_path, WAREHOUSE__URL=url)
    assert found.warehouse.url == url
    for shown in (repr(found), str(found), str(flat(found)), repr(found.warehouse), masked(url)):
        assert SECRET not in shown
        assert "***" in shown
    assert "db.example" in masked(url)


@pytest.mark.parametrize("name", ["sasl.password", "ssl.key.password", "sasl.oauthbearer.client.secret"])
def test_nor_is_that_of_a_broker(name: str, tmp_path: Path) -> None:
    url = f"kafka://kafka.example:9092/events?sasl.username=me&{name}={SECRET}&client.rack=a"
    found = read(tmp_path, COLLECT__JOURNAL_URL=url)
    assert found.collect.journal_url == url
    for shown in (repr(found), str(found), str(flat(found)), repr(found.collect)):
        assert SECRET not in shown
        assert f"{name}=***&client.rack=a" in shown
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, COLLECT__JOURNAL_URL=url + "&acks=1")
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url", [f"mysql://me:{SECRET}@db/x", f"postgresql//me:{SECRET}@db/x", f"postgresql:me:{SECRET}@db/x"]
)
def test_nor_is_that_of_a_refused_url(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, WAREHOUSE__URL=url)
    told = "".join(traceback.format_exception(caught.value))
    assert "***" in told
    assert SECRET not in told


@pytest.mark.parametrize("url", ["duckdb:///warehouse.duckdb", "duckdb:////srv/w.duckdb", "bigquery://p/d"])
def test_a_url_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert masked(url) == url


def test_settings_do_not_change(tmp_path: Path) -> None:
    found = load_settings(tmp_path, {})
    with pytest.raises(ValidationError, match="frozen"):
        found.timezone = "Asia/Tokyo"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        found.attribution.lookback_days = 3  # type: ignore[misc]


def test_settings_can_be_made_without_a_file(tmp_path: Path) -> None:
    made = Settings(
        home=tmp_path, attribution=Attribution(models=["linear"], internal_domains=["www.a.example"])
    )
    assert made.attribution.models == ("linear",)
    assert made.attribution.internal_domains == ("a.example",)


@pytest.mark.parametrize(
    "pattern",
    [r"^partner-\d+$", "a{2,5}", "(a|b)c?", "[]a]+", "[^a-z]", r"\.", r"\{x\}", r"\\+", "[+*?]+", "é"],
)
def test_patterns_that_all_engines_read_alike(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "empty"),
        ("a+?", "lazy"),
        ("a*+", "possessive"),
        ("a{2}?", "lazy"),
        ("(?i)a", "group"),
        ("(?:a)", "group"),
        ("a(?=b)", "group"),
        (r"(a)\1", "backreference"),
        (r"\w+", r"\[a-z0-9_\]"),
        (r"[\w]", r"\[a-z0-9_\]"),
        (r"\bx", "warehouses read differently"),
        ("[[:alpha:]]", "inside of"),
        ("a{,3}", "no count"),
        ("a{", "no count"),
        ("a{256}", "255"),
        ("[a", "not a regular expression"),
        ("(a", "not a regular expression"),
        ("*a", "not a regular expression"),
        ("a\\", "not a regular expression"),
        ("[a-z&&b]", "not a regular expression"),
    ],
)
def test_patterns_that_some_engine_reads_differently(pattern: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_pattern(pattern)


@given(st.text(string.printable, max_size=12))
@example("a\\")
def test_an_accepted_pattern_compiles(text: str) -> None:
    try:
        check_pattern(text)
    except ValueError:
        return
    re.compile(text)


def test_nearest_is_silent_about_what_is_far_away() -> None:
    assert nearest("mart_atribution", ["mart_attribution", "int_touchpoints"]) == "mart_attribution"
    assert nearest("xyz", ["mart_attribution"]) is None
