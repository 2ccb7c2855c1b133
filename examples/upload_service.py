"""A small upload service that keeps its users' pictures in albums that make themselves.

It hands every picture on to categoriser, and is told by signed webhooks when albums change:

    categoriser serve --library served &
    pip install standardwebhooks
    CATEGORISER_URL=http://127.0.0.1:8642 uvicorn --factory examples.upload_service:create_app --port 8000 &
    curl -F picture=@demo/digits/3/0003.png http://127.0.0.1:8000/users/anna/pictures
    curl http://127.0.0.1:8000/users/anna/albums

A service that is told at an address of the own network needs CATEGORISER_WEBHOOKS__ALLOW_PRIVATE_ADDRESSES=1 where
categoriser runs.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, FastAPI, File, HTTPException, Request, UploadFile
from standardwebhooks import Webhook, WebhookVerificationError

from categoriser.client import AsyncClient, AsyncCollection
from categoriser.errors import CategoriserError, NotFoundError, RejectedError

CHANGES = ["spawn", "merge", "split", "move", "name", "relabel", "rename"]  # what albums are about


class Albums:
    """What this service knows; a real one has a database for it."""

    def __init__(self, client: AsyncClient, address: str) -> None:
        self.client = client
        self.address = address
        self.secrets: dict[str, str] = {}  # of each user's webhook
        self.seen: set[str] = set()  # messages: one that comes twice counts once
        self.changes: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def of(self, user: str) -> AsyncCollection:
        """One collection per user: nobody sees another's."""
        return self.client.collection(f"user-{user}")


def _albums(request: Request) -> Albums:
    return cast("Albums", request.app.state.albums)


TheAlbums = Annotated[Albums, Depends(_albums)]
router = APIRouter()


@router.post("/users/{user}/pictures", status_code=201)
async def upload(albums: TheAlbums, user: str, picture: Annotated[UploadFile, File()]) -> dict[str, str | None]:
    """Hand a picture on."""
    collection = albums.of(user)
    try:
        report = await collection.upload([(picture.filename or "picture", await picture.read())])
    except RejectedError as error:
        raise HTTPException(422, str(error)) from None
    except CategoriserError as error:  # it was tried several times: keep the picture and try later
        raise HTTPException(503, str(error), {"Retry-After": "10"}) from None
    result = report.results[0]
    if result.image is None:
        raise HTTPException(422, result.error.message if result.error else "It is no picture.")
    if user not in albums.secrets:
        made = await collection.add_webhook(f"{albums.address}/hooks/{user}", types=CHANGES)
        albums.secrets[user] = made.secret
    return {"id": result.image.image_id, "album": result.image.label}


@router.get("/users/{user}/albums")
async def list_albums(albums: TheAlbums, user: str) -> dict[str, int]:
    """Names and sizes."""
    try:
        return {album.label: album.size async for album in albums.of(user).categories()}
    except NotFoundError:  # no picture yet
        return {}


@router.get("/users/{user}/changes")
async def list_changes(albums: TheAlbums, user: str) -> list[dict[str, Any]]:
    """What categoriser told."""
    return albums.changes[user]


@router.post("/hooks/{user}", status_code=204)
async def told(albums: TheAlbums, user: str, request: Request) -> None:
    """Take what categoriser tells."""
    body = await request.body()  # the signature is of the bytes as they came
    try:
        message = Webhook(albums.secrets[user]).verify(body, dict(request.headers))
    except (KeyError, WebhookVerificationError):
        raise HTTPException(401, "The signature is not right.") from None
    if request.headers["webhook-id"] not in albums.seen:  # at least once means: perhaps twice
        albums.seen.add(request.headers["webhook-id"])
        albums.changes[user].append(message)


def create_app(url: str | None = None, key: str | None = None, own_address: str | None = None) -> FastAPI:
    """The service.

    Args:
        url: where categoriser listens; by default CATEGORISER_URL.
        key: for it; by default CATEGORISER_KEY.
        own_address: where this service is reached by categoriser; by default OWN_ADDRESS.
    """
    client = AsyncClient(url or os.environ["CATEGORISER_URL"], key or os.environ.get("CATEGORISER_KEY"))
    address = own_address or os.environ.get("OWN_ADDRESS", "http://127.0.0.1:8000")

    @asynccontextmanager
    async def closing(_: FastAPI) -> AsyncIterator[None]:
        yield
        await client.close()

    app = FastAPI(title="Albums that make themselves", lifespan=closing)
    app.state.albums = Albums(client, address)
    app.include_router(router)
    return app
