"""``python -m benchmarks.bare_service FOLDER``: what no upload service can leave out, and nothing else.

The peer beside the figures of ``benchmarks.http``: the same libraries (FastAPI, uvicorn with uvloop, Pillow, SQLite
with a commit that survives power loss, Qdrant Edge) and the same encoder. A picture is decoded, scaled, encoded,
written with its thumbnail to disk, to the database and to the vector store. There are no categories, no ids of the
caller's, no keys, no limits, no retries, no search; two pictures at the same time share nothing.
"""

from __future__ import annotations

import hashlib
import json
import queue
import socket
import sqlite3
import sys
import threading
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from PIL import Image
from qdrant_edge import Point, UpdateOperation

from categoriser.encoders import open_encoder
from categoriser.store.edge_folder import ShardFolder


class Bare:
    """Files pictures one by one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._encoder = open_encoder("classic")
        (folder / "vectors").mkdir()
        self._shard = ShardFolder(folder / "vectors", self._encoder.dimension).opened()
        self._database = sqlite3.connect(folder / "bare.db", check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE images (id TEXT PRIMARY KEY, name TEXT, width INT, height INT)")
        self._database.execute("CREATE TABLE inbox (id TEXT PRIMARY KEY, data BLOB)")
        self._writing = threading.Lock()
        self._waiting: queue.Queue[tuple[str, bytes]] = queue.Queue()
        threading.Thread(target=self._work, daemon=True).start()

    def accept(self, data: bytes) -> str:
        """Durable in the inbox on return, filed later."""
        token = uuid4().hex
        with self._writing:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT INTO inbox VALUES (?, ?)", (token, data))
            self._database.execute("COMMIT")
        self._waiting.put((token, data))
        return token

    def file(self, data: bytes, token: str | None = None) -> str:
        """Filed on return."""
        digest = hashlib.sha256(data).hexdigest()
        image = Image.open(BytesIO(data)).convert("RGB")
        vector = self._encoder.encode_prepared(np.asarray(self._encoder.prepare(image))[None])[0]
        small = image.copy()
        small.thumbnail((256, 256))
        small.save(self._folder / f"{digest}.jpg", "JPEG", quality=80)
        (self._folder / digest).write_bytes(data)
        with self._writing:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT INTO images VALUES (?, ?, ?, ?)", (digest, "a.jpg", *image.size))
            if token is not None:
                self._database.execute("DELETE FROM inbox WHERE id = ?", (token,))
            self._database.execute("COMMIT")
            point = Point(uuid4(), memoryview(vector), {})  # type: ignore[arg-type] # its stubs do not know of it
            self._shard.update(UpdateOperation.upsert_points([point]))
        return digest

    def count(self) -> int:
        """Number of images that are filed."""
        with self._writing:
            return int(self._database.execute("SELECT count(*) FROM images").fetchone()[0])

    def _work(self) -> None:
        while True:
            token, data = self._waiting.get()
            self.file(data, token)


def main() -> None:
    """Serve until the process is ended."""
    bare, app = Bare(Path(sys.argv[1])), FastAPI()

    @app.post("/v1/collections/{collection}/images")
    async def upload(collection: str, request: Request) -> JSONResponse:
        data = await request.body()
        if request.headers.get("prefer") == "respond-async":
            return JSONResponse({"upload_id": await run_in_threadpool(bare.accept, data)}, 202)
        return JSONResponse({"image_id": await run_in_threadpool(bare.file, data), "in": collection}, 201)

    @app.get("/v1/collections/{collection}")
    async def look(collection: str) -> JSONResponse:
        return JSONResponse({"name": collection, "images": await run_in_threadpool(bare.count)})

    listener = socket.create_server(("127.0.0.1", 0))
    print(json.dumps({"listening": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listener])


if __name__ == "__main__":
    main()
