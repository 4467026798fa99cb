"""The default transport: what httpx knows is told, what it does not know is not claimed, and its settings are reachable."""

import json
import logging
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import anyio
import h2.config
import h2.connection
import h2.events
import httpx
import pytest
import respx

from joinme_async import (
    ConfigurationError,
    JoinMe,
    OutcomeUnknownError,
    TransportError,
    UnexpectedResponseError,
)
from joinme_async.transports.httpx import HttpxTransport
from tests.conftest import new_meeting
from tests.raw_server import free_port, raw_server, until_closed
from tests.test_contract import get, head
from tests.tls_server import tls_server

CREATED = {
    "meetingId": 7, "meetingName": "Weekly update", "meetingStart": "2027-06-02T09:00:00Z",
    "meetingEnd": "2027-06-02T10:00:00Z", "startWithPersonalUrl": False, "participants": ["boss@join.me"],
}  # fmt: skip


@respx.mock
async def test_the_wire_under_httpx() -> None:
    """Through the default transport, a schedule is one POST with both headers and exactly the documented body."""
    route = respx.post("https://api.join.me/v1/meetings").respond(201, json=CREATED)
    async with JoinMe("tok") as joinme:
        meeting = await joinme.meetings.schedule(new_meeting())
    assert meeting.id == 7
    sent = route.calls.last.request
    assert sent.headers["Authorization"] == "Bearer tok"
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Accept"] == "application/json"
    assert sent.headers["User-Agent"].startswith("joinme-async/")
    assert {name: value for name, value in CREATED.items() if name != "meetingId"} == json.loads(sent.content)


@respx.mock
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_no_body_on_get_and_delete(method: str) -> None:
    """The two verbs carry both headers, no body, and no length of one."""
    route = respx.route(method=method, url="https://api.join.me/v1/meetings/7").respond(200, json=CREATED)
    async with JoinMe("tok") as joinme:
        await (joinme.meetings.get(7) if method == "GET" else joinme.meetings.delete(7))
    sent = route.calls.last.request
    assert (sent.content, sent.headers.get("Content-Length"), sent.headers["Content-Type"]) == (
        b"",
        None,
        "application/json",
    )


@respx.mock
@pytest.mark.parametrize(
    ("error", "given_client", "sent"),
    [
        pytest.param(httpx.ConnectError("x"), False, False, id="own client, cannot connect"),
        pytest.param(httpx.ConnectTimeout("x"), False, False, id="own client, connecting too slowly"),
        pytest.param(httpx.PoolTimeout("x"), False, False, id="own client, no connection free"),
        pytest.param(httpx.ReadError("x"), False, True, id="own client, reset"),
        pytest.param(httpx.ReadTimeout("x"), False, True, id="own client, late"),
        pytest.param(httpx.WriteError("x"), False, True, id="own client, cannot write"),
        pytest.param(httpx.RemoteProtocolError("x"), False, True, id="own client, no HTTP"),
        pytest.param(httpx.ConnectError("x"), True, True, id="given client, says it cannot connect"),
        pytest.param(httpx.ConnectTimeout("x"), True, True, id="given client, says it connected too slowly"),
        pytest.param(httpx.PoolTimeout("x"), True, False, id="given client, no connection free"),
    ],
)
async def test_without_proof_it_was_sent(error: Exception, given_client: bool, sent: bool) -> None:
    """The class of an error is proof only where httpcore is known to be underneath: other transports use any class."""
    respx.get("https://api.join.me/").mock(side_effect=error)
    async with httpx.AsyncClient() as client:
        transport = HttpxTransport(client if given_client else None)
        with pytest.raises(TransportError) as caught:
            await transport.send(get("https://api.join.me/"))
        await transport.aclose()
    assert caught.value.request_sent is sent
    assert type(error).__name__ in str(caught.value) or isinstance(error, httpx.TimeoutException)


class _Lying(httpx.AsyncBaseTransport):
    """Calls a connection that ended in the middle a ConnectError, as one adapter in the wild does."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("reset by peer")


async def test_a_clients_own_transport_is_not_believed() -> None:
    """A POST over a client with a foreign transport inside is in doubt after any error."""
    async with httpx.AsyncClient(transport=_Lying()) as client:
        with pytest.raises(OutcomeUnknownError):
            await JoinMe("tok", transport=HttpxTransport(client)).meetings.schedule(new_meeting())


async def test_a_given_client_with_httpcore_inside_is_believed() -> None:
    """Its trace shows that nobody listened before anything was sent."""
    async with httpx.AsyncClient() as client:
        with pytest.raises(TransportError) as caught:
            await HttpxTransport(client).send(get(f"http://127.0.0.1:{free_port()}/"))
    assert caught.value.request_sent is False


async def test_waiting_for_a_connection_of_the_pool_sent_nothing() -> None:
    """A pool smaller than its use: who times out in its queue has sent nothing."""
    with raw_server(lambda connection, _: until_closed(connection)) as (url, connections):
        async with httpx.AsyncClient(
            limits=httpx.Limits(max_connections=1), timeout=httpx.Timeout(None, pool=0.2)
        ) as client:
            transport = HttpxTransport(client)
            async with anyio.create_task_group() as group:
                group.start_soon(transport.send, get(url, None))
                while not connections:
                    await anyio.sleep(0.01)
                with pytest.raises(TransportError) as caught:
                    await transport.send(get(url))
                group.cancel_scope.cancel()
    assert caught.value.request_sent is False


async def test_a_given_client_is_used_as_it_is_and_not_closed() -> None:
    """Its hooks and headers hold, it stays open, and once it is closed that is said."""
    seen: list[str] = []

    async def hook(request: httpx.Request) -> None:
        seen.append(request.headers["X-Own"])

    with raw_server(lambda connection, _: connection.sendall(head("200 OK", "Content-Length: 0"))) as (url, _):
        client = httpx.AsyncClient(event_hooks={"request": [hook]}, headers={"X-Own": "yes"})
        transport = HttpxTransport(client)
        await transport.send(get(url))
        await transport.aclose()
        assert not client.is_closed
        await client.aclose()
    with pytest.raises(ConfigurationError, match="is closed"):
        await transport.send(get(url))
    assert seen == ["yes"]


@pytest.mark.parametrize(
    "settings", [{"proxy": "ftp://x"}, {"http2": True}], ids=["a proxy of no known kind", "HTTP/2 without its package"]
)
async def test_what_httpx_cannot_do_is_a_configuration_error(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that httpx refuses is said in one line, at the first call."""
    monkeypatch.setitem(sys.modules, "h2", None)
    with pytest.raises(ConfigurationError, match="httpx cannot be set up"):
        await HttpxTransport(**settings).send(get("https://127.0.0.1:9/"))


async def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty calls that start at once share one set of connections, and its certificates."""
    made: list[Any] = []
    make = httpx.create_ssl_context
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **options: made.append(options) or make(**options))
    with raw_server(lambda c, _: c.sendall(head("204 No Content", "Connection: close"))) as (url, _):
        transport = HttpxTransport()
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(transport.send, get(url))
        await transport.aclose()
    assert len(made) == 1


@pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")  # as in the contract's bad gzip
@pytest.mark.parametrize("bound", [None, 12_000], ids=["within the bound", "over it"])
async def test_http2_where_the_server_speaks_it(bound: int | None, certificate: Path) -> None:
    """A request over HTTP/2 comes back whole, or is refused at once when it is longer than allowed."""

    def answer(tls: ssl.SSLSocket, _: socket.socket) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        tls.sendall(connection.data_to_send())
        while data := tls.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    connection.send_headers(event.stream_id, [(":status", "200")])
                    connection.send_data(event.stream_id, b"x" * 15_000)
                    connection.send_data(event.stream_id, b"y" * 15_000, end_stream=True)
            tls.sendall(connection.data_to_send())

    with tls_server(certificate, answer, protocols=["h2"]) as url:
        context = ssl.create_default_context(cafile=f"{certificate}.crt")
        transport = HttpxTransport(verify=context, http2=True, **({"max_body": bound} if bound else {}))
        if bound is None:
            assert (await transport.send(get(url))).content == b"x" * 15_000 + b"y" * 15_000
        else:
            with pytest.raises(UnexpectedResponseError, match="longer than 12000"):
                await transport.send(get(url))
        await transport.aclose()


async def test_the_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """With everything logged at DEBUG, httpx and httpcore included, neither token nor address shows."""
    caplog.set_level(logging.DEBUG)
    body = json.dumps(CREATED).encode()
    with raw_server(lambda c, _: c.sendall(head("201 Created", f"Content-Length: {len(body)}") + body)) as (url, _):
        async with JoinMe("tok-very-secret", base_url=url) as joinme:
            await joinme.meetings.schedule(new_meeting())
    text = "\n".join(f"{record.getMessage()} {vars(record)!r}" for record in caplog.records)
    assert "httpcore" in text
    assert "tok-very-secret" not in text
    assert "boss@join.me" not in text


def test_its_repr_says_what_it_is() -> None:
    """Whose client, how many connections."""
    assert repr(HttpxTransport(concurrency=7)) == "<HttpxTransport: own client, 7 connections>"
