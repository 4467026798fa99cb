"""Makes a client out of `openapi.yaml`, on the spot, so that it is the one that its generator makes today."""

import subprocess
import sys
from pathlib import Path
from typing import Final

DESCRIPTION: Final = Path(__file__).with_name("openapi.yaml")
PACKAGE: Final = "generated_meetings"


def generate(folder: Path) -> str | None:
    """Write the package `generated_meetings` into `folder`; return why that failed, None where it did not."""
    config = folder / "generator.yaml"
    config.write_text("post_hooks: []\n", encoding="utf-8")  # which would only format it
    paths = ["--path", str(DESCRIPTION), "--config", str(config), "--output-path", str(folder / PACKAGE)]
    program = "from openapi_python_client.cli import app; app()"
    command = [sys.executable, "-c", program, "generate", "--meta", "none", *paths]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip().splitlines()[-1]
