"""How is a run that goes on shown in a browser?

`LiveView` serves the page of the run on this machine's own address, and nowhere else. A thread answers requests; the
page asks for the next state, and is answered when there is one:

    a request for news precedes the state it gets     who looks at nothing costs nothing
    the run makes a state, between two batches        at most one a second; nobody else reads its tables
    the state precedes its answers                    handed over whole, as bytes
    the last state precedes the end of the server     who is waiting gets it; the thread is joined

Tornado, which Bokeh brings, is the server.
"""

import asyncio
import contextlib
import json
import re
import socket
import threading
import time
from types import TracebackType
from typing import Self

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler

from neurograph.record import SpikePart
from neurograph.report.page import Page
from neurograph.report.raster import RecentSpikes
from neurograph.report.run import simulation_content
from neurograph.run_folder import describe_run
from neurograph.simulation import Simulation
from neurograph_storage.errors import ArgumentError

LOOPBACK = "127.0.0.1"
INTERVAL = 1.0  # s
# How long the end of a run waits for a page that was there a moment ago to ask for the last state.
_PATIENCE = 1.0  # s


class LiveView:
    """A page that follows a simulation; a context manager, within which `show` is to be called now and then.

    Parameters
    ----------
    sim : Simulation
    port : int
        0 for any that is free.
    command : str
        What began the run.

    Attributes
    ----------
    cost_s : float
        Processor time of all of it, in seconds; complete at the end.

    Raises
    ------
    ArgumentError
        If the port is taken.
    """

    def __init__(self, sim: Simulation, *, port: int, command: str = "") -> None:
        self._sim, self._recent = sim, RecentSpikes(sim.circuit)
        self._said = describe_run(sim, ended="", command=command)
        content = simulation_content(sim, self._said, self._recent.raster)
        self._page = Page(content, live=True, streams=sim.streams)
        self._server = _Server(self._page.html().encode(), _bind(port))
        self._version, self._due = 0, 0.0
        self.cost_s = 0.0

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self._server.port}/"

    @property
    def is_waited_for(self) -> bool:
        """Whether a page waits for news."""
        return self._server.is_waited_for

    def __enter__(self) -> Self:
        self._sim.watch(self)
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = isinstance(value, KeyboardInterrupt)
        ended = "complete" if value is None else "interrupted" if interrupted else str(value)
        try:
            if self._server.is_watched:
                self._said["ended"] = ended
                self._publish(ended=True)
        finally:
            self._server.stop()
            self._sim.unwatch(self)
        self.cost_s += self._server.cost_s
        # An error of the run is on its way already, and says more.
        if self._server.failure is not None and value is None:
            raise self._server.failure

    def take(self, parts: list[SpikePart]) -> None:
        """Take all spikes of some steps; see `Simulation.watch`."""
        began = time.thread_time()
        self._recent.take(parts)
        self.cost_s += time.thread_time() - began

    def show(self) -> None:
        """Give the page what has happened, if a second has passed and somebody looks."""
        if self.is_waited_for and time.monotonic() >= self._due:
            self._due = time.monotonic() + INTERVAL
            self._publish(ended=False)

    def _publish(self, *, ended: bool) -> None:
        began = time.thread_time()
        self._version += 1
        content = simulation_content(self._sim, self._said, self._recent.raster)
        state = self._page.state(content, self._version, ended=ended)
        self._server.publish(self._version, json.dumps(state).encode(), ended=ended)
        self.cost_s += time.thread_time() - began


class _Server:
    """Answers requests on a thread; all attributes but those that only it writes belong to that thread."""

    def __init__(self, page: bytes, bound: socket.socket) -> None:
        self._bound, self.port = bound, int(bound.getsockname()[1])
        self._thread = threading.Thread(target=self._run, name="live view")
        self._ready = threading.Event()
        self._state, self._version, self._ended = b"", 0, False
        self._waiting, self._last_seen, self._told = 0, float("-inf"), False
        self._page = page
        self.failure: BaseException | None = None
        self.cost_s = 0.0

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    @property
    def is_waited_for(self) -> bool:
        """Whether a request waits for news."""
        return self._waiting > 0

    @property
    def is_watched(self) -> bool:
        """Whether somebody has looked a moment ago."""
        return self._waiting > 0 or time.monotonic() - self._last_seen < 2 * INTERVAL

    def publish(self, version: int, state: bytes, *, ended: bool) -> None:
        """Answer with this state from now on."""
        # A loop that an error has ended says so by itself, see `failure`.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._take, version, state, ended)

    def stop(self) -> None:
        """Join the thread."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._bound.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self.failure = error
        finally:
            self._ready.set()
            self.cost_s = time.thread_time()

    async def _serve(self) -> None:
        self._loop, self._stop, self._news = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        server = HTTPServer(_application(self))
        server.add_socket(self._bound)
        self._ready.set()
        await self._stop.wait()
        server.stop()
        if self._ended and self.is_watched:
            patience = self._loop.time() + _PATIENCE
            while not self._told and self._loop.time() < patience:
                await asyncio.sleep(0.02)
        self._news.set()
        await server.close_all_connections()

    def _take(self, version: int, state: bytes, ended: bool) -> None:
        self._version, self._state, self._ended = version, state, ended
        self._news.set()
        self._news = asyncio.Event()

    def page(self) -> bytes:
        """Return the page."""
        self._last_seen = time.monotonic()
        return self._page

    async def news(self, after: int) -> tuple[bytes, bool]:
        """Return a state later than ``after``, once there is one, and whether it is the last; nothing if none comes."""
        self._last_seen = time.monotonic()
        if self._version <= after and not self._stop.is_set():
            self._waiting += 1
            try:
                await self._news.wait()
            finally:
                self._waiting -= 1
                self._last_seen = time.monotonic()
        return (self._state, self._ended) if self._version > after else (b"", self._ended)

    def told(self) -> None:
        """Note that the last state has gone out."""
        self._told = True


class _Handler(RequestHandler):
    def initialize(self, server: _Server) -> None:
        self.server = server

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")


class _PageHandler(_Handler):
    async def get(self) -> None:
        await self.finish(self.server.page())


class _StateHandler(_Handler):
    async def get(self) -> None:
        after = self.get_query_argument("after", "0")
        state, last = await self.server.news(int(after) if after.isdecimal() else 0)
        self.set_status(200 if state else 410)
        self.set_header("Content-Type", "application/json")
        with contextlib.suppress(StreamClosedError):  # who asked has gone
            await self.finish(state)
        if last:
            self.server.told()


def _application(server: _Server) -> Application:
    """Return what answers: only requests that name this machine, so that no other site's page can read the run."""
    application = Application(log_function=lambda _: None, compress_response=False)
    shared = {"server": server}
    hosts = "|".join(re.escape(name) for name in (LOOPBACK, "localhost"))
    application.add_handlers(f"({hosts})$", [(r"/", _PageHandler, shared), (r"/state", _StateHandler, shared)])
    return application


def _bind(port: int) -> socket.socket:
    try:
        bound = socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise ArgumentError(
            f"port {port} of {LOOPBACK} cannot be had ({error.strerror}); give another --port, or --port 0 for any"
        ) from error
    bound.setblocking(False)
    return bound
