"""Files every picture of an upload stream into categories that appear, keep their identity and can be searched.

with Library.open("library", encoder="classic") as library:
    photos = library.collection("photos")
    photos.add("~/Pictures")
    photos.run()
    for category in photos.categories():
        print(category.label, category.size)
"""

from categoriser.domain import (
    EVENT_KINDS,
    Category,
    Event,
    Failure,
    Filed,
    Found,
    Group,
    Image,
    Membership,
    NamingReport,
    Refused,
    RunReport,
    ScheduleEntry,
    Suggestion,
    WhyName,
)
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
    NamingError,
    NotFoundError,
    RejectedError,
    UnreadablePictureError,
)
from categoriser.library import AddReport, Collection, Filter, Library
from categoriser.settings import Settings

__all__ = [
    "EVENT_KINDS",
    "AddReport",
    "BusyError",
    "CategoriserError",
    "Category",
    "Collection",
    "ConfigurationError",
    "ConflictError",
    "EncoderFailedError",
    "EncoderMismatchError",
    "Event",
    "Failure",
    "FetchError",
    "Filed",
    "Filter",
    "Found",
    "Group",
    "Image",
    "InvalidVectorError",
    "Library",
    "LibraryInUseError",
    "Membership",
    "MissingExtraError",
    "MissingVectorsError",
    "MissingWeightsError",
    "NamingError",
    "NamingReport",
    "NotFoundError",
    "Refused",
    "RejectedError",
    "RunReport",
    "ScheduleEntry",
    "Settings",
    "Suggestion",
    "UnreadablePictureError",
    "WhyName",
]
