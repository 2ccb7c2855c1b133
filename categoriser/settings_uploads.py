"""Settings of the upload hook; as environment variables ``CATEGORISER_UPLOADS__<NAME>``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class UploadSettings(BaseModel):
    """How uploads are taken in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep_hours: float = Field(gt=0, description="how long an upload that was answered with 202 can be asked about")
    idempotency_hours: float = Field(gt=0, description="how long an Idempotency-Key is remembered")
    header_seconds: float = Field(gt=0, description="time for the headers of a request to arrive, else 408")
    header_bytes: int = Field(ge=1024, description="of the headers of a request at most, else 431")
    body_seconds: float = Field(gt=0, description="time for a request's body to arrive, else 408")
    silence_seconds: float = Field(gt=0, description="longest pause within a body, else 408")
    bodies: int = Field(ge=1, description="requests with a body under way at a time; more are answered with 503")
    memory_bytes: int = Field(ge=1, description="bytes of uploads in memory at a time; more have to wait")
    waiting: int = Field(ge=1, description="accepted pictures that may wait to be filed; more are answered with 503")
    waiting_per_collection: int = Field(ge=1, description="of one collection; more are answered with 429")
    attempts: int = Field(ge=1, description="at a picture whose address or encoder fails for now")
    retry_seconds: float = Field(gt=0, description="before the second attempt; doubles each time")
    longest_retry_seconds: float = Field(gt=0, description="at most between two attempts")
    object_url: str = Field(description="where objects of events are fetched, such as http://minio:9000/{bucket}/{key}")
    object_token: SecretStr = Field(description="what an object store sends as Authorization; empty: nothing is asked")
    object_buckets: str = Field(description="names of buckets with commas between them; empty: any")
    object_deletes: bool = Field(description="delete images whose object was removed or overwritten")
