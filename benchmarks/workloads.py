"""The work of a child: each takes what it is given, and returns what it took."""

import asyncio
import gc
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from benchmarks.bodies import AUTH, MEETING, list_body, list_root
from benchmarks.contestants import CODECS, MAKERS
from benchmarks.gauges import cpu, peak
from benchmarks.service import Service

Given = Mapping[str, Any]
Call = Callable[[], Awaitable[Any]]


class Progress:
    """How far a phase is; read by the watch too, when the time of the phase is long over.

    Args:
        calls: how many may be started.
        soft: seconds after which none is started any more.
    """

    def __init__(self, calls: int, soft: float) -> None:
        self.left, self.done = calls, 0
        self._used, self._began = cpu(), time.perf_counter()
        self._over = self._began + soft

    def starts(self) -> bool:
        """Count a call that is started; False where there shall be no more."""
        self.left -= 1
        return self.left >= 0 and time.perf_counter() < self._over

    def seen(self) -> dict[str, Any]:
        """Return what a call took so far."""
        done = self.done or 1
        used, lasted = cpu() - self._used, time.perf_counter() - self._began
        return {"cpu": used / done, "seconds": lasted / done, "done": self.done}


async def in_turns(call: Call, callers: int, progress: Progress) -> dict[str, Any]:
    """Let callers call in a closed loop, and return what a call took."""

    async def caller() -> None:
        while progress.starts():
            await call()
            progress.done += 1

    if callers == 1:
        await caller()
    else:
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())
    return progress.seen()


@contextmanager
def leaving_after(seconds: float, seen: Callable[[], dict[str, Any]]) -> Iterator[None]:
    """Print what was seen and end the process where the block takes longer: ten thousand calls take long to cancel."""

    def leave() -> None:
        try:
            os.write(1, json.dumps(seen()).encode())
        finally:
            os._exit(0)

    watch = threading.Timer(seconds, leave)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


async def steady(given: Given) -> dict[str, Any]:
    """Make calls of each kind with each number of callers, a fresh client for each, after warming it.

    A phase starts no call after `limit` seconds. What is still under way `grace` seconds after its start, and all
    phases that would follow, are not waited for.
    """
    service, limit = Service(**given["service"]), given["limit"]
    phases: list[dict[str, Any]] = []
    for verb, callers, root in given["phases"]:
        before = service.accepted()
        async with MAKERS[given["who"]](service.origin + root, callers) as client:
            call = getattr(client, verb)
            for calls, soft in ((max(given["warm"], callers), limit / 2), (max(given["calls"], callers * 2), limit)):
                progress = Progress(calls, soft)
                cut = partial(_cut_off, phases, progress, service, before)
                with leaving_after(given["grace"], cut):
                    phase = await in_turns(call, callers, progress)
        phases.append({**phase, "connections": service.opened_since(before), "peak": peak()})
    return {"phases": phases}


def _cut_off(phases: list[Any], progress: Progress, service: Service, before: int) -> dict[str, Any]:
    last = {**progress.seen(), "connections": service.opened_since(before), "peak": peak(), "cut_off": True}
    return {"phases": [*phases, last] if progress.done else phases}


async def lists(given: Given) -> dict[str, Any]:
    """List meetings, fewer times where there are many."""
    service, phases = Service(**given["service"]), []
    for size, calls in given["sizes"]:
        async with MAKERS[given["who"]](service.origin + list_root(size), 1) as client:
            await client.list()
            phases.append({**await in_turns(client.list, 1, Progress(calls, given["limit"])), "peak": peak()})
    return {"phases": phases}


async def at_once(given: Given) -> dict[str, Any]:
    """Start that many tasks, each one call, and return what came of it when all are over or the time is up."""
    service, number, limit = Service(**given["service"]), given["number"], given["limit"]
    done, errors = 0, 0
    before = service.accepted()
    async with MAKERS[given["who"]](service.origin + "/v1", number) as client:
        await client.get()
        base, began = peak(), time.perf_counter()

        def seen() -> dict[str, Any]:
            took = {"finished": done, "errors": errors, "seconds": time.perf_counter() - began, "more": peak() - base}
            return {**took, "connections": service.opened_since(before)}

        async def one() -> None:
            nonlocal done, errors
            try:
                await client.get()
                done += 1
            except Exception:  # noqa: BLE001  counted
                errors += 1

        with leaving_after(limit, lambda: {**seen(), "cut_off": True}):
            async with asyncio.TaskGroup() as group:
                for _ in range(number):
                    group.create_task(one())
        return {**seen(), "cut_off": False}


async def once(given: Given) -> dict[str, Any]:
    """Make one call; the parent looks at the whole process."""
    async with MAKERS[given["who"]](Service(**given["service"]).origin + "/v1", 1) as client:
        await client.get()
    return {}


async def nothing(given: Given) -> dict[str, Any]:  # noqa: ARG001
    """Be what every child is before it works."""
    return {}


async def codec(given: Given) -> dict[str, Any]:
    """Read one meeting, read lists, and write one, without any HTTP; in seconds of CPU."""
    names = CODECS[given["who"]]()
    work: dict[str, Callable[[], object]] = {"read 1": lambda: names.one(MEETING), "write 1": names.write}
    for size in given["sizes"]:
        work[f"read {size:,}"] = partial(names.many, list_body(size))
    took = {}
    for name, piece in work.items():
        piece()
        took[name] = _repeated(piece, given["seconds"])
    return took


def _repeated(piece: Callable[[], object], seconds: float) -> float:
    used, times, over = cpu(), 0, time.perf_counter() + seconds
    while times < 2 or time.perf_counter() < over:  # noqa: PLR2004
        piece()
        times += 1
    return (cpu() - used) / times


async def kept(given: Given) -> dict[str, Any]:
    """Return the bytes that a meeting of a long list keeps in memory; `tracemalloc` slows everything down."""
    import tracemalloc  # noqa: PLC0415

    names, body = CODECS[given["who"]](), list_body(given["size"])
    names.many(list_body(1))
    gc.collect()
    tracemalloc.start()
    result = names.many(body)
    gc.collect()
    total, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return {"bytes": total / given["size"]}


async def layers(given: Given) -> dict[str, Any]:
    """Compare plain httpx with the layers over a transport that has the answer already, taking turns."""
    import httpx  # noqa: PLC0415

    from benchmarks.ours import calls_of, from_memory  # noqa: PLC0415
    from benchmarks.peers import plain_calls  # noqa: PLC0415
    from joinme_async._client import parts_of  # noqa: PLC0415
    from joinme_async._http import Secret  # noqa: PLC0415
    from joinme_async._wire import raw_call  # noqa: PLC0415

    quiet = from_memory()
    parts, raw = parts_of(quiet), raw_call("GET", "/meetings/12345", Secret(None), Secret(None))
    async with httpx.AsyncClient(headers=AUTH) as client:
        plain = plain_calls(client, Service(**given["service"]).origin + "/v1")
        work: dict[str, Call] = {
            "httpx": plain.get,
            "the layers alone": lambda: parts.layer.perform(raw, parts.options),
            "get over memory": calls_of(quiet).get,
            "schedule over memory": calls_of(quiet).schedule,
        }
        return await _turns(work, given)


async def injected(given: Given) -> dict[str, Any]:
    """Compare an `httpx.AsyncClient` used plainly with the same one inside `JoinMe`, taking turns."""
    import httpx  # noqa: PLC0415

    from benchmarks.ours import calls_of, over_client  # noqa: PLC0415
    from benchmarks.peers import plain_calls  # noqa: PLC0415

    base = Service(**given["service"]).origin + "/v1"
    async with httpx.AsyncClient(headers=AUTH) as client, over_client(client, base) as joinme:
        plain, ours = plain_calls(client, base), calls_of(joinme)
        work = {"plain get": plain.get, "get": ours.get, "plain schedule": plain.schedule, "schedule": ours.schedule}
        return await _turns(work, given)


async def _turns(work: Mapping[str, Call], given: Given) -> dict[str, list[float]]:
    """Return the CPU seconds of each contestant in each turn."""
    took: dict[str, list[float]] = {name: [] for name in work}
    for call in work.values():
        await in_turns(call, 1, Progress(given["warm"], given["limit"]))
    for _ in range(given["turns"]):
        for name, call in work.items():
            took[name].append((await in_turns(call, 1, Progress(given["calls"], given["limit"])))["cpu"])
    return took


WORK: Final = {
    "steady": steady,
    "lists": lists,
    "at_once": at_once,
    "once": once,
    "nothing": nothing,
    "codec": codec,
    "kept": kept,
    "layers": layers,
    "injected": injected,
}
