"""Stands before every request: where it comes from, whose key it carries, how many there were, and what came of it.

Strangers are turned away here, before anything of their bodies is read; what somebody may do is decided in
`authorise`, where the route is known.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from categoriser.api.access.credentials import SAFE_METHODS, Shown, check_same_origin, refuse_in_address, shown_by
from categoriser.api.access.operations import Operation, Operations
from categoriser.api.access.rates import Buckets
from categoriser.api.access.rights import READS_ONLY, Need
from categoriser.api.access.visit import Visit
from categoriser.api.errors import answer, code_of
from categoriser.api.guard import check_sender, network_of
from categoriser.errors import CategoriserError, TooManyRequestsError, UnauthenticatedError
from categoriser.library.access import LOCAL, Access, Deed, Principal

_REFUSED: Final = frozenset({401, 403})
_TOO_MANY: Final = "too_many_requests"
_NEEDED: Final = "This service needs a key: send it as the header Authorization: Bearer cat_…"


class Doorkeeper:
    """ASGI middleware; ``operations`` is for the trail, which names routes by their templates."""

    def __init__(self, app: ASGIApp, *, of: FastAPI, access: Access, beyond_loopback: bool) -> None:
        self._app = app
        self._access = access
        self._settings = access.settings
        self._beyond_loopback = beyond_loopback
        self._operations = Operations(of)
        self._rates = Buckets()
        self._failures = Buckets()
        self._told = Buckets()
        per_minute = access.settings.failures_per_minute
        self._failure_rate = {"per_second": per_minute / 60, "size": float(per_minute)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are none, and nobody may add one that is not looked at here
            await send({"type": "websocket.close", "code": 1008})
            return
        visit = Visit(again=partial(self._again, scope))
        scope.setdefault("state", {})["visit"] = visit
        status = 500

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            try:
                await self._admit(scope, visit)
            except CategoriserError as error:
                visit.denied = code_of(error)
                await answer(error)(scope, receive, send_noted)
                return
            await self._app(scope, receive, send_noted)
        finally:
            self._record(scope, visit, status)

    async def _admit(self, scope: Scope, visit: Visit) -> None:
        headers = Headers(scope=scope)
        visit.keys_needed = await self._keys_needed()
        check_sender(headers, keys_needed=visit.keys_needed, hosts=self._settings.hosts)
        refuse_in_address(scope["query_string"])
        if not visit.keys_needed:
            visit.principal = LOCAL
            return
        try:
            shown = _shown(headers, scope)
            visit.principal = await self._identify(shown, _address(scope))
        except UnauthenticatedError as error:
            if error.guessed:
                self._failures.take(_address(scope), **self._failure_rate)
            visit.problem = error
            if scope["path"].startswith("/v1/") and scope["path"] != "/v1/session":
                raise
            return
        if shown.by_cookie and scope["method"] not in SAFE_METHODS:
            check_same_origin(headers)
        self._check_rate(visit.principal)

    async def _again(self, scope: Scope) -> Principal | None:
        """Who a request that is still being answered would be if it came now; None: nobody any more."""
        if not await self._keys_needed():
            return LOCAL
        try:
            shown = _shown(Headers(scope=scope), scope)
            return self._access.remembered(shown.text) or await run_in_threadpool(self._access.identify, shown.text)
        except UnauthenticatedError:
            return None

    async def _keys_needed(self) -> bool:
        if self._access.sure(beyond_loopback=self._beyond_loopback):
            return self._access.needed(beyond_loopback=self._beyond_loopback)
        return await run_in_threadpool(self._access.needed, beyond_loopback=self._beyond_loopback)

    async def _identify(self, shown: Shown, address: str) -> Principal:
        found = self._access.remembered(shown.text)
        if found is not None:
            return found
        wait = self._failures.wait(address, **self._failure_rate)
        if wait and not self._access.known(shown.text):  # whose key is good is not shut out by a neighbour's bad one
            raise TooManyRequestsError("Too many wrong keys came from your address; wait before you try again.", wait)
        return await run_in_threadpool(self._access.identify, shown.text)

    def _check_rate(self, principal: Principal) -> None:
        rate = self._settings.requests_per_second if principal.kind == "key" else None
        rate = self._settings.token_requests_per_second if rate is None else rate
        if principal.per_second is not None:
            rate = principal.per_second
        if not rate:
            return
        who = principal.token_id or principal.key_id or ""
        wait = self._rates.take(who, per_second=rate, size=max(1.0, rate * self._settings.burst_seconds))
        if wait:
            raise TooManyRequestsError(f"More than {rate:g} requests a second came with this key; wait.", wait)

    def _record(self, scope: Scope, visit: Visit, status: int) -> None:
        denied = visit.denied is not None or status in _REFUSED
        if not (denied or self._changes(scope, visit)) or (denied and self._told_enough(scope, visit)):
            return
        found, collection = self._target(scope, visit)
        who = visit.principal
        self._access.trail.record(
            Deed(
                at=self._access.clock(),
                who=None if who is None else who.key_id,
                kind="nobody" if who is None else who.kind,
                route=found.route if found is not None else f"{scope['method']} (unknown)"[:255],
                collection=collection,
                status=status,
                denied=denied,
                code=visit.denied,
            )
        )

    def _target(self, scope: Scope, visit: Visit) -> tuple[Operation | None, str | None]:
        """The operation and the collection; of those turned away at the door by what they asked for."""
        if visit.operation is not None:
            return self._operations.by_name(visit.operation), visit.collection
        found = self._operations.by_address(scope["method"], scope["path"])
        match = None if found is None else found.path.fullmatch(scope["path"])
        return found, None if match is None else match.groupdict().get("collection")

    def _told_enough(self, scope: Scope, visit: Visit) -> bool:
        """Whoever asks without end, and is refused, must not fill the disk with it."""
        if visit.principal is None:
            return self._told.take(_address(scope), **self._failure_rate) > 0
        if visit.denied != _TOO_MANY:
            return False
        return self._told.take(visit.principal.key_id or "", per_second=1 / 60, size=1) > 0

    @staticmethod
    def _changes(scope: Scope, visit: Visit) -> bool:
        """While no key is needed there is nobody to tell apart, and only what admins do is noted."""
        if scope["method"] in SAFE_METHODS or visit.need is None or visit.need in READS_ONLY:
            return False
        return visit.keys_needed or visit.need is Need.ADMIN


def _shown(headers: Headers, scope: Scope) -> Shown:
    shown = shown_by(headers, secure=scope["scheme"] == "https")
    if shown is None:
        raise UnauthenticatedError(_NEEDED, shown=False)
    return shown


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return network_of(client[0]) if client else ""
