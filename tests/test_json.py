"""JSON is read and written the same whether the fast library is there or not."""

import builtins
import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joinme_async import _json
from joinme_async._json import dumps, loads


def judged(read: Callable[[bytes], Any], body: bytes) -> str:
    """Return what comes of reading `body`, told apart by type, sign and order."""
    try:
        return repr(read(body))
    except (ValueError, RecursionError) as error:
        return type(error).__name__


def standard(body: bytes) -> Any:
    """Read as the standard library does, and nothing that JSON does not know."""
    return json.loads(body, parse_constant=_json._no_such_number)


@pytest.fixture(params=["fast", "standard"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "standard":
        monkeypatch.setattr(_json, "_fast", lambda: None)
    else:
        assert _json._fast() is not None
    return request.param


ODD = {
    "an object": b'{"a": [1, 2.5, "x", true, false, null], "b": {}}',
    "blanks around": b" \n\t\r1 ",
    "a vertical tab": b"\x0b1",
    "a no-break space": b"\xc2\xa01",
    "nothing": b"",
    "NaN": b"NaN",
    "-Infinity": b"[-Infinity]",
    "a float beyond all": b"1e400",
    "a float on the edge": b"1.7976931348623159e308",
    "a float next to none": b"1e-400",
    "many digits": b"0.1234567890123456789012345678901234567890",
    "halfway": b"9007199254740993.0",
    "minus zero": b"[-0, -0.0]",
    "63 bits": b"9223372036854775808",
    "64 bits": b"18446744073709551616",
    "below 64 bits": b"-9223372036854775809",
    "a long integer": b"123456789012345678901234567890",
    "an integer longer than Python reads": b"1" * 5000,
    "a capital E": b"1E5",
    "a leading zero": b"01",
    "a plus": b"+1",
    "a bare point": b"[1., .5]",
    "a comma too many": b"[1,]",
    "two documents": b"1 2",
    "a key twice": b'{"a": 1, "b": 2, "a": 3}',
    "an empty key": b'{"": 1}',
    "a pair of surrogates": b'"\\ud83d\\ude00"',
    "half a pair": b'"\\ud800"',
    "the other half": b'{"\\udc00x": 1}',
    "a surrogate as it is": b'"\xed\xa0\x80"',
    "an overlong zero": b'"\xc0\x80"',
    "no UTF-8": b'"\xff"',
    "beyond Unicode": b'"\xf4\x90\x80\x80"',
    "a control character": b'"\x01"',
    "a zero, escaped": b'"\\u0000"',
    "an unknown escape": b'"\\x41"',
    "an escaped solidus": b'"\\/"',
    "UTF-8 with a mark": b'\xef\xbb\xbf{"a": 1}',
    "two marks": b"\xef\xbb\xbf\xef\xbb\xbf1",
    "UTF-16": '{"a": "ü"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"a": "ü"}'.encode("utf-16-be"),
    "UTF-32": '{"a": "ü"}'.encode("utf-32"),
    "a zero byte": b"1\x00",
    "nested": b"[" * 500 + b"]" * 500,
    "nested too deeply": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "HTML": b"<h1>Developer Over Qps</h1>",
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
def test_odd_documents_are_read_as_the_standard_library_reads_them(reader: str, body: bytes) -> None:
    """Integers of any length, half characters, other encodings: one answer for all, or the same refusal."""
    assert judged(loads, body) == judged(standard, body)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
    | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400, math.inf]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"]))
def test_any_document_is_read_the_same(document: Any, ascii_only: bool, encoding: str) -> None:
    """Whatever can be written in JSON, in every encoding that it may be written in."""
    body = json.dumps(document, ensure_ascii=ascii_only).encode(encoding, "surrogatepass")
    assert judged(loads, body) == judged(standard, body)


@given(
    st.binary(max_size=40)
    | st.lists(st.sampled_from([b'{"a":', b"[", b"]", b"}", b",", b'"', b"\\", b"u", b"d800", b"1", b"-", b".", b"e9", b" ", b"\xed", b"\xa0", b"\x00", b"null", b"NaN"])).map(b"".join)
)  # fmt: skip
@example(b"1e5")
def test_any_bytes_are_judged_the_same(body: bytes) -> None:
    """What is no JSON is none, with the fast library and without."""
    assert judged(loads, body) == judged(standard, body)


@given(json_values)
def test_what_is_written_is_compact_ascii(document: Any) -> None:
    """Byte for byte what the standard library writes; what has no form in JSON is refused."""

    def write() -> bytes:
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()

    try:
        expected = write()
    except ValueError:
        with pytest.raises(ValueError, match="JSON compliant"):
            dumps(document)
    else:
        assert dumps(document) == expected


def test_without_the_extra_the_standard_library_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast library is an extra: where it is missing, nothing else is."""
    real = builtins.__import__

    def no_msgspec(name: str, *rest: Any) -> Any:
        if name.startswith("msgspec"):
            raise ImportError(name)
        return real(name, *rest)

    _json._fast.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", no_msgspec)
        assert _json._fast() is None
        assert loads(b'{"a": 1}') == {"a": 1}
    _json._fast.cache_clear()
    assert _json._fast() is not None


def test_the_fast_library_is_loaded_with_the_first_answer() -> None:
    """Importing the package does not pay for it."""
    script = (
        "import sys, joinme_async; assert 'msgspec' not in sys.modules;"
        "joinme_async.Response(200, (), b'1').json(); assert 'msgspec' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
