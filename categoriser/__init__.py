"""Files every picture of an upload stream into categories that appear, keep their identity and can be searched.

with Library.open("library", encoder="classic") as library:
    photos = library.collection("photos")
    photos.add("~/Pictures")
    photos.run()
    for category in photos.categories():
        print(category.label, category.size)
"""

from categoriser.domain import Category, Event, Failure, Filed, Found, Image, Refused, RunReport, ScheduleEntry
from categoriser.errors import (
    BusyError,
    CategoriserError,
    ConfigurationError,
    ConflictError,
    EncoderFailedError,
    EncoderMismatchError,
    FetchError,
    InvalidVectorError,
    LibraryInUseError,
    MissingExtraError,
    MissingVectorsError,
    MissingWeightsError,
    NotFoundError,
    RejectedError,
    UnreadablePictureError,
)
from categoriser.library import (
    AddReport,
    Collection,
    Describer,
    DescribeReport,
    EndpointDescriber,
    Estimate,
    Filter,
    Library,
    View,
    describe,
    estimate,
)
from categoriser.settings import Settings

__all__ = [
    "AddReport",
    "BusyError",
    "CategoriserError",
    "Category",
    "Collection",
    "ConfigurationError",
    "ConflictError",
    "DescribeReport",
    "Describer",
    "EncoderFailedError",
    "EncoderMismatchError",
    "EndpointDescriber",
    "Estimate",
    "Event",
    "Failure",
    "FetchError",
    "Filed",
    "Filter",
    "Found",
    "Image",
    "InvalidVectorError",
    "Library",
    "LibraryInUseError",
    "MissingExtraError",
    "MissingVectorsError",
    "MissingWeightsError",
    "NotFoundError",
    "Refused",
    "RejectedError",
    "RunReport",
    "ScheduleEntry",
    "Settings",
    "UnreadablePictureError",
    "View",
    "describe",
    "estimate",
]
