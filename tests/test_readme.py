"""What the pages show besides code."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_tiny_transport_is_tiny() -> None:
    """Twenty statements are all that a transport needs, and what keeps its library from sending twice is among them."""
    tree = ast.parse((ROOT / "examples" / "tiny_transport.py").read_text(encoding="utf-8"))
    transport = [node for node in tree.body if getattr(node, "name", "") in {"TinyTransport", "once"}]
    code = {node.lineno for part in transport for node in ast.walk(part) if isinstance(node, ast.stmt)}
    assert len(transport) == 2
    assert len(code) <= 20, len(code)
