"""Settings of a library that several processes share: the vector store, the processes, the queue."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class StoreSettings(BaseModel):
    """Where vectors live; as environment variables ``CATEGORISER_STORE__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="of a Qdrant server; empty: embedded, in the library's folder")
    api_key: SecretStr = Field(description="of the server, if it asks for one")
    grpc: bool = Field(description="points go over gRPC, else over REST")
    grpc_port: int = Field(ge=1, le=65535, description="on the same machine")
    timeout_seconds: int = Field(ge=1, description="limit of one request")
    prefix: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,60}$", description="begins the names of Qdrant collections")
    shards: int = Field(ge=0, description="of each Qdrant collection; 0: the server's default")
    replicas: int = Field(ge=0, description="of each shard; 0: the server's default")
    write_consistency: int = Field(ge=0, description="replicas that must have a write; 0: the server's default")
    ordering: Literal["weak", "medium", "strong"] = Field(description="of writes, between replicas")
    quantisation: Literal["none", "turbo", "scalar", "binary"] = Field(description="of vectors; none is exact")
    bits: Literal["1", "1.5", "2", "4", "8"] = Field(description="per dimension, of turbo")
    oversampling: float = Field(ge=1, le=100, description="candidates by compressed vectors for each hit by whole ones")
    own_shards_from: int = Field(ge=0, description="images from which a collection gets a shard of its own; 0: never")
    conditional: bool = Field(description="no update changes what a later one has written")


class SharedSettings(BaseModel):
    """Processes that share a library; as environment variables ``CATEGORISER_SHARED__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cache: str = Field(description="folder on this machine for engine states; empty: one that goes with the process")
    lease_seconds: float = Field(gt=0, description="a process that was silent for so long is taken for dead")
    queue: bool = Field(description="put runs and pictures that nobody waits for into the queue, for workers")
    workers: int = Field(ge=1, le=64, description="jobs that one `categoriser worker` does side by side")
    connections: int = Field(ge=4, le=500, description="to the database, of each process at most")
