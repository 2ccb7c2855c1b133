"""Backups of the whole library while it works; for those who run the service."""

from __future__ import annotations

import dataclasses
from typing import cast

from fastapi import APIRouter, Request

from categoriser.api.models.backup import BackupInfo, WantedBackup
from categoriser.api.models.base import ErrorBody
from categoriser.library.backup import BackgroundBackups

router = APIRouter(tags=["service"])


def _backups(request: Request) -> BackgroundBackups:
    return cast("BackgroundBackups", request.app.state.backups)


@router.post(
    "/backup",
    summary="Begin a backup of all collections",
    status_code=202,
    responses={
        400: {"model": ErrorBody, "description": "The settings allow none, or the name is no plain name"},
        503: {"model": ErrorBody, "description": "One is under way"},
    },
)
def begin_backup(request: Request, wanted: WantedBackup) -> BackupInfo:
    """It goes on after the answer; ask for its state until it is done. Uploads need not stop meanwhile."""
    return BackupInfo(**dataclasses.asdict(_backups(request).start(wanted.name)))


@router.get("/backup", summary="Look at the last backup")
def get_backup(request: Request) -> BackupInfo:
    """Since the service started."""
    return BackupInfo(**dataclasses.asdict(_backups(request).state))
