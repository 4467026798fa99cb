"""What the pages show besides code."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_tiny_transport_is_tiny() -> None:
    """About twenty statements are all that a transport needs."""
    tree = ast.parse((ROOT / "examples" / "tiny_transport.py").read_text(encoding="utf-8"))
    (transport,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    code = {line for node in ast.walk(transport) if isinstance(node, ast.stmt) for line in (node.lineno,)}
    assert len(code) <= 25
