"""Settings of running the service: logs, traces, stopping, backups."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class OperationsSettings(BaseModel):
    """As environment variables ``CATEGORISER_OPERATIONS__<NAME>``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    log_format: Literal["text", "json"] = Field(description="lines for people, or one JSON object a line")
    log_level: Literal["debug", "info", "warning", "error"] = Field(description="what is logged at least")
    access_log: bool = Field(description="a line for every request, without its query string")
    traces: bool = Field(description="OpenTelemetry spans of requests, pictures and runs; needs the extra otel")
    stop_seconds: float = Field(ge=0, description="how long a service that is told to stop finishes what is under way")
    notice_seconds: float = Field(ge=0, description="how long it says before that it is not ready, and takes uploads")
    backup_folder: str = Field(description="where POST /v1/backup may write; empty: nowhere")
