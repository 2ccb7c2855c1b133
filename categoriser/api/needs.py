"""What routes ask for in their signatures."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Query, Request

from categoriser.api.paths import CollectionName
from categoriser.api.receiving import Receiver
from categoriser.domain import LARGEST_NUMBER
from categoriser.library import Collection, Library


# asynchronous, although they wait for nothing: others are called in a thread, which takes longer than they do
async def _library(request: Request) -> Library:
    return cast("Library", request.app.state.library)


async def _receiver(request: Request) -> Receiver:
    return cast("Receiver", request.app.state.receiver)


def hot_path(request: Request) -> tuple[Library, Receiver]:
    """What two of the needs below give, for the one route where resolving them would take a fifth of the time."""
    return cast("Library", request.app.state.library), cast("Receiver", request.app.state.receiver)


TheLibrary = Annotated[Library, Depends(_library)]
TheReceiver = Annotated[Receiver, Depends(_receiver)]


ViewName = Annotated[
    str | None, Query(max_length=200, description="name of a view: look at, run and correct that grouping instead")
]


def existing(library: TheLibrary, collection: CollectionName, view: ViewName = None) -> Collection:
    """The collection, or its view, of that name; for routes that are asked dozens of times by one page.

    These call it themselves, and so are one trip to a thread shorter than those that need ``ExistingCollection``.
    """
    found = library.collection(collection, create=False)
    return found if view is None else found.view(view)


ExistingCollection = Annotated[Collection, Depends(existing)]
PageLength = Annotated[int, Query(ge=1, le=1000, description="length of the page")]
Cursor = Annotated[int, Query(ge=0, le=LARGEST_NUMBER, description="cursor to start behind")]
