"""Puts the example that `joinme demo` reads into the wheel; an editable install finds it in examples/."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ExampleFile(BuildHookInterface):
    """Adds one file to a standard wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say what to add before the wheel is built."""
        if version == "standard":
            build_data["force_include"]["examples/meetings.csv"] = "joinme_async/cli/meetings.csv"
