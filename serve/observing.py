"""What the people who run the service see: a line of JSON per request, and metrics."""

from __future__ import annotations

import itertools
import logging
import re
import sys
import time
import uuid
from collections import deque
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, BinaryIO

import orjson
import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger("vigie")
_request: ContextVar[str | None] = ContextVar("request", default=None)
_LINE = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
_PREFIX, _NUMBERS = uuid.uuid4().hex[:20], itertools.count()


def _json(event: structlog.types.EventDict, **_kw: object) -> str:
    return orjson.dumps(event, default=str).decode()


def with_request_id(
    _logger: object, _method: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Add the id of the request that is being answered, if one is."""
    request_id = _request.get()
    return event if request_id is None else {**event, "request_id": request_id}


def configure_logs(level: str) -> None:
    """Log as one JSON object per line on standard error, the libraries' messages too.

    Args:
        level: least level that is logged, for example `INFO`.
    """
    shared: list[structlog.types.Processor] = [
        with_request_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger("uvicorn.access").disabled = True  # ours says more
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class Metrics:
    """What is counted, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "vigie_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "vigie_request_seconds",
            "Time to the last byte of the answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        name = method if method in _METHODS else "other"
        key = (name, route, status)
        found = self._children.get(key)
        if found is None:
            counter = self.requests.labels(name, route, str(status))
            found = self._children[key] = (counter, self.seconds.labels(route))
        found[0].inc()
        found[1].observe(seconds)

    def text(self) -> bytes:
        """All that was counted, in Prometheus' text format."""
        return generate_latest(self.registry)


class RequestLog:
    """One line per request, written in batches: a line at a time would cost more than an answer.

    With `out` None, lines go to structlog one by one, as every other message does.
    """

    def __init__(self, out: BinaryIO | None = None) -> None:
        self._out = out
        self._waiting: deque[bytes] = deque()

    def add(self, **line: Any) -> None:
        """Take a line."""
        if self._out is None:
            _log.info("request", **line)
        else:
            line |= {"event": "request", "level": "info", "timestamp": datetime.now(UTC)}
            self._waiting.append(orjson.dumps(line, option=_LINE))

    def flush(self) -> None:
        """Write what was taken so far."""
        if self._out is not None and self._waiting:
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            self._out.write(b"".join(lines))
            self._out.flush()


class Observer:
    """Counts a request and logs it when it is over."""

    def __init__(self, metrics: Metrics, lines: RequestLog) -> None:
        self._metrics, self._lines = metrics, lines

    def over(self, scope: Scope, named: str, started: float, status: int, sent: int) -> None:
        """Write down how a request went.

        Args:
            scope: ASGI's, with what was found on the way.
            named: the request's id.
            started: when it came, by `time.perf_counter`.
            status: of the answer.
            sent: bytes of its body.
        """
        seconds = time.perf_counter() - started
        method = scope["method"]
        self._metrics.count(method, _route(scope), status, seconds)
        self._lines.add(
            request_id=named,
            method=method,
            path=scope["path"],
            status=status,
            milliseconds=round(seconds * 1000, 2),
            bytes=sent,
            actor=scope.get("vigie.actor"),
        )


class Observed:
    """ASGI middleware: gives each request an id, and has it counted and logged."""

    def __init__(self, app: ASGIApp, observer: Observer) -> None:
        self.app = app
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and write down how it went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        named = request_id(scope)
        scope["vigie.request_id"] = named
        bound = _request.set(named)
        started = time.perf_counter()
        status, sent = 500, 0

        async def sending(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", named.encode()))
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, sending)
        finally:
            self._observer.over(scope, named, started, status, sent)
            _request.reset(bound)


def request_id(scope: Scope) -> str:
    """The id that a request came with, or a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value.decode())
    return f"{_PREFIX}{next(_NUMBERS):012x}"


def _route(scope: Scope) -> str:
    """The route's template: a label for each address would be a metric for each address."""
    lane: str | None = scope.get("vigie.route")
    return lane or getattr(scope.get("route"), "path", None) or "none"
