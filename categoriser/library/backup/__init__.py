"""Copies of a library in use, and libraries made from them."""

from categoriser.library.backup.background import BackgroundBackups, BackupState
from categoriser.library.backup.manifest import Manifest, read_manifest
from categoriser.library.backup.restoring import RestoreReport, restore
from categoriser.library.backup.writing import BackupReport, Backups

__all__ = [
    "BackgroundBackups",
    "BackupReport",
    "BackupState",
    "Backups",
    "Manifest",
    "RestoreReport",
    "read_manifest",
    "restore",
]
