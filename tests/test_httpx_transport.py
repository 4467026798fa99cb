"""The default transport: what httpx knows is told, what it does not know is not claimed, and its settings are reachable."""

import gzip
import json
import logging
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    Request,
    TransportError,
    UnexpectedResponseError,
)
from joinme_async.transports.httpx import HttpxTransport
from tests.conftest import new_meeting
from tests.raw_server import free_port, raw_server, until_closed
from tests.test_contract import get, head

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


@pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")  # as in the contract's bad gzip
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
@pytest.mark.parametrize("squeezed", [True, False], ids=["gzip", "plain"])
async def test_a_body_over_the_bound_is_refused_not_read(announced: bool, squeezed: bool) -> None:
    """It is refused from its announced length, or as soon as it has grown too long, and no more of it is read."""
    hung_up: list[bool] = []

    def flood(connection: Any, _: bytes) -> None:
        piece = gzip.compress(b"x" * 200_000) if squeezed else b"x" * 200_000
        coding = ["Content-Encoding: gzip"] if squeezed else []
        try:
            if announced:
                connection.sendall(head("200 OK", f"Content-Length: {10**9}", *coding))
            else:
                chunk = f"{len(piece):x}\r\n".encode() + piece
                connection.sendall(head("200 OK", "Transfer-Encoding: chunked", *coding) + chunk)
            until_closed(connection)
        finally:
            hung_up.append(True)

    with raw_server(flood) as (url, _):
        transport = HttpxTransport(max_body=100_000)
        with pytest.raises(UnexpectedResponseError, match="longer than 100000 bytes") as caught:
            await transport.send(get(url))
        while not hung_up:
            await anyio.sleep(0.01)
        await transport.aclose()
    assert caught.value.status == 200


async def test_a_body_of_exactly_the_bound_is_read() -> None:
    """The bound itself is allowed."""
    with raw_server(lambda connection, _: connection.sendall(head("200 OK", "Content-Length: 5") + b"12345")) as (
        url,
        _,
    ):
        transport = HttpxTransport(max_body=5)
        assert (await transport.send(get(url))).content == b"12345"
        await transport.aclose()


async def test_a_schedule_whose_answer_is_too_long_is_in_doubt() -> None:
    """The meeting was made, whatever the answer looked like."""
    with raw_server(lambda connection, _: connection.sendall(head("201 Created", "Content-Length: 99999"))) as (url, _):
        transport = HttpxTransport(max_body=1000)
        with pytest.raises(OutcomeUnknownError) as caught:
            await JoinMe("tok", base_url=url, transport=transport).meetings.schedule(new_meeting())
        await transport.aclose()
    assert isinstance(caught.value.last, UnexpectedResponseError)


def _proxy(seen: list[bytes], reply: bytes) -> Any:
    def handle(connection: Any, request: bytes) -> None:
        seen.append(request)
        connection.sendall(reply)

    return raw_server(handle)


async def test_the_environments_proxy_never_sees_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http goes to this machine only; through a proxy the token would travel in the clear."""
    seen: list[bytes] = []
    with (
        _proxy(seen, head("200 OK", "Content-Length: 0")) as (proxy, _),
        _proxy([], head("204 No Content")) as (url, _),
    ):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        transport = HttpxTransport()
        assert (await transport.send(get(url))).status == 204
        await transport.aclose()
    assert seen == []


@pytest.mark.parametrize("how", ["environment", "argument"])
async def test_a_proxy_that_refuses_the_tunnel_sent_nothing(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CONNECT to a proxy is no byte of the request: its refusal is no doubt about a POST."""
    seen: list[bytes] = []
    with _proxy(seen, head("403 Forbidden", "Content-Length: 0")) as (proxy, _):
        monkeypatch.setenv("HTTPS_PROXY", proxy if how == "environment" else "http://127.0.0.1:9")
        transport = HttpxTransport(proxy=proxy if how == "argument" else None)
        with pytest.raises(TransportError) as caught:
            await transport.send(
                Request("POST", "https://api.join.me/v1/meetings", {"Authorization": "Bearer tok"}, b"{}", 5.0)
            )
        await transport.aclose()
    assert caught.value.request_sent is False
    assert seen[0].startswith(b"CONNECT api.join.me:443 ")
    assert b"tok" not in seen[0]


async def test_no_proxy_ever_sees_plain_http() -> None:
    """Not even one that was named: the token would travel in the clear to another machine."""
    seen: list[bytes] = []
    with _proxy(seen, head("200 OK")) as (proxy, _), _proxy([], head("204 No Content")) as (url, _):
        transport = HttpxTransport(proxy=proxy)
        assert (await transport.send(get(url))).status == 204
        await transport.aclose()
    assert seen == []


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


def test_without_a_connection_there_is_no_call() -> None:
    """A transport that could carry nothing would let every call wait out its deadline."""
    with pytest.raises(ConfigurationError, match="one at least"):
        HttpxTransport(concurrency=0)


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


@contextmanager
def tls_server(certificate: Path, handler: Any, *, protocols: list[str] | None = None) -> Iterator[str]:
    """Serve one connection over TLS, and give its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if protocols:
        context.set_alpn_protocols(protocols)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
                handler(tls, connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}/"


@pytest.mark.parametrize("trusted", [True, False], ids=["CA given", "CA unknown"])
async def test_a_corporate_ca_is_given_as_an_ssl_context(trusted: bool, certificate: Path) -> None:
    """With the CA the call goes through TLS; without it nothing is sent, and that is certain."""

    def answer(tls: ssl.SSLSocket, _: socket.socket) -> None:
        tls.recv(65536)
        tls.sendall(head("204 No Content"))

    with tls_server(certificate, answer) as url:
        context = ssl.create_default_context(cafile=f"{certificate}.crt") if trusted else True
        transport = HttpxTransport(verify=context, trust_env=False)
        if trusted:
            assert (await transport.send(get(url))).status == 204
        else:
            with pytest.raises(TransportError) as caught:
                await transport.send(get(url))
            assert caught.value.request_sent is False
        await transport.aclose()


async def test_broken_tls_behind_a_request_leaves_it_in_doubt(certificate: Path) -> None:
    """A record that cannot be decrypted after the POST was read: whatever the backend raises, it is in doubt."""

    def junk(tls: ssl.SSLSocket, _: socket.socket) -> None:
        tls.recv(65536)
        raw = socket.socket(fileno=tls.detach())
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        until_closed(raw)
        raw.close()

    with tls_server(certificate, junk) as url:
        transport = HttpxTransport(verify=ssl.create_default_context(cafile=f"{certificate}.crt"))
        with pytest.raises(OutcomeUnknownError) as caught:
            await JoinMe("tok", base_url=url, transport=transport).meetings.schedule(new_meeting())
        await transport.aclose()
    assert isinstance(caught.value.last, TransportError)


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
