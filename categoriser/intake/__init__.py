"""The way in: find pictures in files, tables and on the web, fetch them safely, decode them once."""

from categoriser.intake.decode import DEFAULT, Limits, Picture, check_format, decode, sha256, thumbnail
from categoriser.intake.fetch import Fetcher, FetchLimits, safe_url
from categoriser.intake.folder import DEMO_MARKER, EXPORT_MARKER, FolderScan, from_folder, is_wanted
from categoriser.intake.formats import EXTENSIONS
from categoriser.intake.items import Encoded, Item, read
from categoriser.intake.similarity import hamming, near_duplicate
from categoriser.intake.sources import from_path
from categoriser.intake.tables import from_csv, from_parquet

__all__ = [
    "DEFAULT",
    "DEMO_MARKER",
    "EXPORT_MARKER",
    "EXTENSIONS",
    "Encoded",
    "FetchLimits",
    "Fetcher",
    "FolderScan",
    "Item",
    "Limits",
    "Picture",
    "check_format",
    "decode",
    "from_csv",
    "from_folder",
    "from_parquet",
    "from_path",
    "hamming",
    "is_wanted",
    "near_duplicate",
    "read",
    "safe_url",
    "sha256",
    "thumbnail",
]
