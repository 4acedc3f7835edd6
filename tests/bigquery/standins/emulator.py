"""local-bigquery as a process: BigQuery's REST API and both Storage APIs on 127.0.0.1."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from bigquery.standins import process
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

LAUNCHER = Path(__file__).with_name("serve_bigquery.py")
PROJECT = "local"
EMPTIED = "emptied"


@dataclass
class BigQueryServer:
    """`bigquery.service.BigQueryService` is the same of Google's own."""

    url: str  # api_endpoint for dbt, BIGQUERY_EMULATOR_HOST for Google's clients
    storage: str  # host:port of the Storage Read and Write APIs: gRPC in the clear
    project: str
    _process: "subprocess.Popen[str]"

    is_real = False

    def dataset(self, name: str) -> str:
        return name

    def url_of(self, name: str) -> str:
        return f"bigquery://{self.project}/{name}"

    def url_of_an_empty_one(self) -> str:
        """The same place each time, so that the models are parsed once."""
        with self.client() as client:
            for name in (EMPTIED, f"{EMPTIED}_build"):
                client.delete_dataset(name, delete_contents=True, not_found_ok=True)
        return self.url_of(EMPTIED)

    @property
    def dbt_method(self) -> dict[str, str]:
        return {"method": "oauth-secrets", "token": "dummy", "api_endpoint": self.url}

    @property
    def environment(self) -> dict[str, str]:
        """With which headwater and Google's clients go there."""
        return {"BIGQUERY_EMULATOR_HOST": self.url, "BIGQUERY_STORAGE_EMULATOR_HOST": self.storage}

    def client(self) -> bigquery.Client:
        return bigquery.Client(
            project=self.project,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.url},
        )

    def read_client(self) -> BigQueryReadClient:
        return BigQueryReadClient(
            transport=BigQueryReadGrpcTransport(channel=grpc.insecure_channel(self.storage))
        )

    def write_client(self) -> BigQueryWriteClient:
        return BigQueryWriteClient(
            transport=BigQueryWriteGrpcTransport(channel=grpc.insecure_channel(self.storage))
        )

    def close(self) -> None:
        process.stop(self._process)


def start(python: Path, data: Path, project: str = PROJECT) -> BigQueryServer:
    """Takes free ports, and waits until the server answers."""
    log = data.with_suffix(".log")
    with log.open("w", encoding="utf-8") as errors:
        started = process.start(
            [python, LAUNCHER, "--data-dir", data, "--project", project],
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    output: Any = started.stdout
    for line in output:
        if line.startswith("ready "):
            _, url, storage = line.split()
            return BigQueryServer(url, storage, project, started)
    process.stop(started)
    raise RuntimeError(f"local-bigquery did not start:\n{log.read_text(encoding='utf-8')}")
