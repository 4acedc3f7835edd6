"""What a key file holds is in no message, no traceback and no log."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("google.auth", reason="NO BIGQUERY: install headwater[bigquery] to test on it")

SECRET = "MIIEvQIBADANBgkqhkiGs3cr3t"
KEY = {
    "type": "service_account",
    "client_email": "headwater@shop-1234.iam.gserviceaccount.com",
    "private_key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n",
    "private_key_id": SECRET,
    "token_uri": "http://127.0.0.1:1/token",
}
BROKEN = {
    "a broken key": json.dumps(KEY),
    "half a file": json.dumps(KEY)[:-30],
    "a field is missing": json.dumps({name: KEY[name] for name in ("type", "private_key")}),
    "of no known type": json.dumps(KEY | {"type": "something"}),
    "no JSON": SECRET,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_key_file_is_told_without_what_is_in_it(tmp_path: Path, content: str) -> None:
    home, key = tmp_path / "home", tmp_path / "key.json"
    key.write_text(content)
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("BIGQUERY_", "GOOGLE_"))
    }
    told = subprocess.run(
        [sys.executable, "-m", "headwater", "--home", str(home), "--debug", "build"],
        env=plain
        | {"HEADWATER_WAREHOUSE__URL": "bigquery://shop-1234/shop", "GOOGLE_APPLICATION_CREDENTIALS": str(key)},
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip
    assert told.returncode == 1
    assert "Traceback" in told.stderr
    assert "There are no Google credentials for bigquery://shop-1234/shop" in told.stderr.splitlines()[-1]
    left = "".join(path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())
    assert "s3cr3t" not in told.stdout + told.stderr + left
