"""A process that answers like a Qdrant server, as far as the adapter asks: REST over the client's local mode.

No Qdrant server runs on every machine that runs tests, and embedded stores admit one process. This one lets several
processes share a store over real HTTP, with the real adapter and the real client. What it cannot show is what only the
server does: shards, replicas, quantisation, durability. The store's contract runs against a server by ``QDRANT_URL``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from qdrant_client import QdrantClient, models

warnings.filterwarnings("ignore", message="Payload indexes have no effect")
_client = QdrantClient(location=":memory:")
_one = threading.Lock()  # local mode is no server: one request at a time
_indexed: dict[str, dict[str, Any]] = {}
Route = Callable[[str, Any], Any]
_ids = TypeAdapter(models.PointsSelector)
_operations = TypeAdapter(list[models.UpdateOperation])
_DONE = {"operation_id": 0, "status": "completed"}


def _exists(name: str, _: Any) -> Any:
    return {"exists": _client.collection_exists(name)}


def _describe(name: str, _: Any) -> Any:
    found = _client.get_collection(name).model_dump(mode="json")
    found["payload_schema"] = {field: {"data_type": kind, "points": 0} for field, kind in _indexed[name].items()}
    return found


def _create(name: str, body: Any) -> Any:
    wanted = models.CreateCollection(**body)
    _client.create_collection(name, vectors_config=wanted.vectors)
    _indexed[name] = {}
    return True


def _index(name: str, body: Any) -> Any:
    schema = body["field_schema"]
    _indexed[name][body["field_name"]] = schema["type"] if isinstance(schema, dict) else schema
    return _DONE


def _upsert(name: str, body: Any) -> Any:
    wanted = models.PointsList(**body)
    _client.upsert(name, wanted.points, update_filter=wanted.update_filter)
    return _DONE


def _update(name: str, body: Any) -> Any:
    _client.batch_update_points(name, _operations.validate_python(body["operations"]))
    return [_DONE]


def _delete(name: str, body: Any) -> Any:
    _client.delete(name, _ids.validate_python(body))
    return _DONE


def _retrieve(name: str, body: Any) -> Any:
    return _client.retrieve(name, body["ids"], with_payload=True, with_vectors=True)


def _scroll(name: str, body: Any) -> Any:
    wanted = models.ScrollRequest(**body)
    points, following = _client.scroll(
        name,
        scroll_filter=wanted.filter,
        limit=wanted.limit or 10,
        offset=wanted.offset,
        with_payload=True,
        with_vectors=True,
    )
    return {"points": [one.model_dump(mode="json") for one in points], "next_page_offset": following}


def _count(name: str, body: Any) -> Any:
    return _client.count(name, count_filter=models.CountRequest(**body).filter)


def _query(name: str, body: Any) -> Any:
    wanted = models.QueryRequest(**body)
    return _client.query_points(
        name,
        query=wanted.query,
        query_filter=wanted.filter,
        limit=wanted.limit or 10,
        with_payload=wanted.with_payload,
        score_threshold=wanted.score_threshold,
    )


_ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/exists"): _exists,
    ("GET", ""): _describe,
    ("PUT", ""): _create,
    ("PUT", "/index"): _index,
    ("PUT", "/points"): _upsert,
    ("POST", "/points/batch"): _update,
    ("POST", "/points/delete"): _delete,
    ("POST", "/points"): _retrieve,
    ("POST", "/points/scroll"): _scroll,
    ("POST", "/points/count"): _count,
    ("POST", "/points/query"): _query,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Be quiet."""

    def _answer(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        path = self.path.partition("?")[0]
        found = re.fullmatch(r"/collections/([^/]+)(/.*)?", path)
        if path == "/":
            self._send(200, {"title": "qdrant", "version": metadata.version("qdrant-client"), "commit": None})
            return
        route = _ROUTES.get((self.command, (found[2] or "") if found else "?"))
        if found is None or route is None:
            self._send(404, {"status": {"error": f"the stand-in does not know {self.command} {path}"}})
            return
        try:
            with _one:
                result = route(found[1], body)
        except Exception as error:
            self._send(400, {"status": {"error": f"{type(error).__name__}: {error}"}})
            return
        self._send(200, {"status": "ok", "time": 0.0, "result": result})

    def _send(self, status: int, answer: Any) -> None:
        data = json.dumps(answer, default=lambda one: one.model_dump(mode="json")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def vector_server() -> Iterator[str]:
    """Start such a process and hand out its address."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.qdrant_stand_in"],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def main() -> None:
    """Answer until the process is killed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
