"""What routes ask for in their signatures."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Query, Request

from categoriser.api.paths import CollectionName
from categoriser.api.receiving import Receiver
from categoriser.library import Collection, Library


def _library(request: Request) -> Library:
    return cast("Library", request.app.state.library)


def _receiver(request: Request) -> Receiver:
    return cast("Receiver", request.app.state.receiver)


TheLibrary = Annotated[Library, Depends(_library)]
TheReceiver = Annotated[Receiver, Depends(_receiver)]


def _existing(library: TheLibrary, collection: CollectionName) -> Collection:
    return library.collection(collection, create=False)


ExistingCollection = Annotated[Collection, Depends(_existing)]
PageLength = Annotated[int, Query(ge=1, le=1000, description="length of the page")]
