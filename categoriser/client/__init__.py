"""The service from another program, with types: the same calls with and without ``await``.

with Client("http://127.0.0.1:8642") as service:
    photos = service.collection("anna")
    report = photos.add("~/Pictures")
    for category in photos.categories():
        print(category.label, category.size)
"""

from categoriser.client.asynchronous import AsyncClient, AsyncCollection
from categoriser.client.blocking import Client, RemoteCollection
from categoriser.client.failures import ServiceError

__all__ = ["AsyncClient", "AsyncCollection", "Client", "RemoteCollection", "ServiceError"]
