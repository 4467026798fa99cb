"""What the build adds to hatchling's own: the file that `joinme demo` reads, and a README that holds on an index."""

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class ExampleFile(BuildHookInterface):
    """Puts the example into a standard wheel; an editable install finds it in examples/."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say what to add before the wheel is built."""
        if version == "standard":
            build_data["force_include"]["examples/meetings.csv"] = "joinme_async/cli/meetings.csv"


class ReadmeOnAnIndex(MetadataHookInterface):
    """Gives the README as the long description, without what would be dead there."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the field that pyproject.toml calls dynamic."""
        text = on_an_index(Path(self.root, "README.md").read_text(encoding="utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def on_an_index(readme: str) -> str:
    """Return a page that stands by itself: links to files of the project become their names, pictures go."""
    readme = re.sub(r"!\[[^\]]*\]\((?!https?:)[^)]*\)\n*", "", readme)
    readme = re.sub(r"\[(`?)([^\]`]+)\1\]\(\2\)", r"`\2`", readme)
    return re.sub(r"\[([^\]]+)\]\((?!https?:|mailto:|#)([^)#]+)(?:#[^)]*)?\)", r"\1 (`\2` in the sdist)", readme)
