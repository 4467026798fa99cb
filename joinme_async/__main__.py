"""`python -m joinme_async`: the `joinme` command, or what to install for it."""

import sys


def main() -> None:
    """Run the command, or say which extra it needs."""
    try:
        from joinme_async.cli import prepare, run  # noqa: PLC0415  an extra

        prepare()
        run()
    except KeyboardInterrupt:  # before there was anything to interrupt
        raise SystemExit(130) from None
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("joinme_async"):
            raise
        print("The joinme command needs its extra: pip install 'joinme-async[cli,sandbox]'", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
