"""The ways in to Google's services: one client each, with the user's credentials, or those of a stand-in."""

import os
from functools import cached_property
from typing import Any

import google.auth
import grpc
from google.api_core.client_info import ClientInfo
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage import BigQueryReadClient, BigQueryWriteClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcTransport

from headwater import __version__
from headwater.errors import WarehouseError

STAND_IN = "BIGQUERY_EMULATOR_HOST"  # as Google's own clients read it
STAND_IN_STORAGE = "BIGQUERY_STORAGE_EMULATOR_HOST"  # host:port, without TLS
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
LARGEST_MESSAGE = 128 * 2**20


class Storage:
    """The Storage APIs: one channel each, that all connections share."""

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials

    @cached_property
    def reads(self) -> BigQueryReadClient | None:
        """Arrow as it lies there, in place of JSON."""
        if not is_stand_in():
            return BigQueryReadClient(credentials=self._credentials)
        channel = plain_channel()
        return channel and BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))

    @cached_property
    def writes(self) -> BigQueryWriteClient:
        if not is_stand_in():
            return BigQueryWriteClient(credentials=self._credentials)
        channel = plain_channel()
        if channel is None:
            raise WarehouseError(
                f"{STAND_IN} names a stand-in for BigQuery, but {STAND_IN_STORAGE} no host:port of its Storage API: "
                "set it as well."
            )
        return BigQueryWriteClient(transport=BigQueryWriteGrpcTransport(channel=channel))


class Doors:
    """The clients of one connection: an HTTP session is nothing that threads could share."""

    def __init__(self, project: str, shared: Storage | None = None, credentials: Any = None) -> None:
        self._project = project
        self._credentials = credentials or known_credentials()
        self.storage = shared or Storage(self._credentials)
        info = ClientInfo(user_agent=f"headwater/{__version__}")
        self.jobs = bigquery.Client(project=project, credentials=self._credentials, client_info=info)

    def another(self) -> "Doors":
        return Doors(self._project, self.storage, self._credentials)

    def close(self) -> None:
        self.jobs.close()


def is_stand_in() -> bool:
    return bool(os.environ.get(STAND_IN))


def known_credentials() -> Any:
    """The usual ones: of gcloud, of a key file, of the machine."""
    if is_stand_in():
        return AnonymousCredentials()
    credentials, _ = google.auth.default(scopes=[SCOPE])
    return credentials


def plain_channel() -> grpc.Channel | None:
    place = os.environ.get(STAND_IN_STORAGE)
    sizes = [(f"grpc.max_{way}_message_length", LARGEST_MESSAGE) for way in ("send", "receive")]
    return grpc.insecure_channel(place, options=sizes) if place else None
