"""Settings of the command: an argument, else the environment, else the file; and a token that goes nowhere else."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from joinme_async import ConfigurationError
from joinme_async._http import Secret
from joinme_async.cli import _shell
from joinme_async.cli._config import ConfigFile, path_of, read_config
from joinme_async.cli._settings import Given, Settings, settings_of
from joinme_async.sandbox import Sandbox
from tests.commands import Done

LIVE, HERE = "https://api.join.me/v1", "http://127.0.0.1:8765/v1"
NOWHERE = ConfigFile(Path("config.toml"))
FILE = """
token = "for all"
timezone = "Europe/London"
profile = "work"

[profiles.work]
token = "of work"
rate = 20

[profiles.sandbox]
base_url = "http://127.0.0.1:8765/v1"
"""


def file(tmp_path: Path, text: str = FILE, mode: int = 0o600) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def told(settings: Settings) -> tuple[object, ...]:
    token = None if settings.token is None else settings.token.reveal()
    return token, settings.base_url, settings.timezone, settings.rate


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        pytest.param({}, {}, ("of work", LIVE, "Europe/London", 20), id="the default profile"),
        pytest.param({}, {"JOINME_PROFILE": "sandbox"}, (None, HERE, "Europe/London", None), id="a token for all is none for a URL of its own"),
        pytest.param({}, {"JOINME_ACCESS_TOKEN": "e", "JOINME_RATE": "5"}, ("e", LIVE, "Europe/London", 5), id="the environment before the file"),
        pytest.param({"rate": 3, "timezone": "UTC"}, {"JOINME_RATE": "5"}, ("of work", LIVE, "UTC", 3), id="an argument before both"),
        pytest.param({"profile": "work"}, {"JOINME_ACCESS_TOKEN": "e", "JOINME_BASE_URL": HERE, "JOINME_RATE": "5"}, ("of work", LIVE, "Europe/London", 20), id="a profile that was named before the environment"),
        pytest.param({"profile": "sandbox"}, {"JOINME_ACCESS_TOKEN": "e"}, ("e", HERE, "Europe/London", None), id="what it does not say is taken from there"),
        pytest.param({}, {"JOINME_ACCESS_TOKEN": "e", "JOINME_BASE_URL": HERE}, ("e", HERE, "Europe/London", 20), id="a token and its URL together"),
        pytest.param({}, {"JOINME_ACCESS_TOKEN": "", "JOINME_BASE_URL": ""}, ("of work", LIVE, "Europe/London", 20), id="empty is not set"),
    ],
)  # fmt: skip
def test_what_stands_before_what(
    given: dict[str, object], environment: dict[str, str], expected: tuple[object, ...], tmp_path: Path
) -> None:
    """An argument, else the environment, else the file, its profile before what is for all."""
    assert told(settings_of(Given(**given), environment, read_config(file(tmp_path)))) == expected


@pytest.mark.parametrize(
    ("given", "environment"),
    [
        pytest.param({}, {"JOINME_BASE_URL": HERE}, id="environment"),
        pytest.param({"base_url": "https://elsewhere.example/v1"}, {}, id="argument"),
        pytest.param({"profile": "work", "base_url": HERE}, {}, id="argument against a profile"),
    ],
)
def test_a_token_of_the_file_goes_to_its_own_url_only(
    given: dict[str, object], environment: dict[str, str], tmp_path: Path
) -> None:
    """Or a URL in the environment would be handed the token of the live service."""
    problem = settings_of(Given(**given), environment, read_config(file(tmp_path))).problem
    assert "put a token for that into JOINME_ACCESS_TOKEN" in problem
    assert "of work" not in problem
    with_its_own = {**environment, "JOINME_ACCESS_TOKEN": "e"}
    if "profile" not in given:
        settings = settings_of(Given(**given), with_its_own, read_config(file(tmp_path)))
        assert (settings.token, settings.problem) == (Secret("e"), "")


def test_such_a_token_is_not_sent(
    served: Sandbox, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every verb refuses before anything leaves; only `config` shows the settings all the same, and says why."""
    monkeypatch.setenv("JOINME_CONFIG", str(file(tmp_path)))
    monkeypatch.delenv("JOINME_ACCESS_TOKEN")
    for verb in (("list",), ("get", "1"), ("delete", "1", "--yes")):
        done = command(*verb)
        assert (done.code, done.out) == (1, "")
        assert "is for https://api.join.me/v1, and JOINME_BASE_URL names http://127.0.0.1" in done.err
    assert served.ledger == ()
    done = command("config")
    assert (done.code, done.out.count("\n")) == (0, 7)
    assert "put a token for that into JOINME_ACCESS_TOKEN" in done.err


def test_a_profile_may_have_a_url_and_a_token(tmp_path: Path) -> None:
    """Then the two go together; a slash at the end makes no other URL of it."""
    text = f'[profiles.x]\nbase_url = "{HERE}/"\ntoken = "t"\ntimeout = 2.5\n'
    settings = settings_of(Given(profile="x", base_url=HERE), {}, read_config(file(tmp_path, text)))
    assert (settings.token, settings.base_url, settings.timeout) == (Secret("t"), HERE, 2.5)


@pytest.mark.parametrize(
    ("given", "environment", "says"),
    [
        ({}, {"JOINME_RATE": "fast"}, "JOINME_RATE: rate must be a whole number of calls a second, from 1"),
        ({}, {"JOINME_RATE": "0"}, "JOINME_RATE: rate must be a whole number of calls a second, from 1"),
        ({}, {"JOINME_TIMEOUT": "inf"}, "JOINME_TIMEOUT: timeout must be a number of seconds, from 0.001"),
        (
            {},
            {"JOINME_TIMEZONE": "Mars"},
            "JOINME_TIMEZONE: no time zone named 'Mars': use an IANA name such as 'Europe/London'",
        ),
        (
            {},
            {"JOINME_BASE_URL": "http://elsewhere.example"},
            "JOINME_BASE_URL: the access token would travel in the clear to elsewhere.example: use https (http is for this machine only)",
        ),
        ({}, {"JOINME_TIMEZONE": " "}, "JOINME_TIMEZONE: timezone must be an IANA zone such as 'Europe/London'"),
        ({"profile": "home"}, {}, "no profile is called 'home' in config.toml: there is none"),
        ({}, {"JOINME_PROFILE": "home"}, "no profile is called 'home' in config.toml: there is none"),
    ],
)
def test_a_setting_that_is_none_is_told_with_its_place(
    given: dict[str, object], environment: dict[str, str], says: str
) -> None:
    """Where it stands and what it must be."""
    with pytest.raises(ConfigurationError) as caught:
        settings_of(Given(**given), environment, NOWHERE)
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("token = ", "is not TOML: Invalid value"),
        ('tokn = "x"', "no setting is called tokn: there are token, base_url, timezone, rate, timeout"),
        ('[profiles.work]\nurl = "x"', "no setting is called url in [profiles.work]: there are token"),
        ("profiles = 1", "profiles are tables, such as [profiles.work]"),
        ("[profiles]\nwork = 1", "profiles are tables, such as [profiles.work]"),
        ('profile = "work"', "profile is 'work', which none of its profiles is called"),
        ("profile = []", "profile is [], which none of its profiles is called"),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str, says: str, tmp_path: Path) -> None:
    """Rather than half of it used: a misspelt setting would silently not hold."""
    path = file(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("token = 5", "token must be a text"),
        ('token = "x"\nrate = true', "rate must be a whole number of calls a second"),
        ('token = "x"\nrate = 2.5', "rate must be a whole number of calls a second"),
        ('token = "x"\nrate = 1.5e400', "rate must be a whole number of calls a second"),
        ('token = "x"\nbase_url = 1', "base_url must be a URL"),
        ('token = "x"\ntimezone = []', "timezone must be an IANA zone"),
        ('token = "x"\ntimeout = "soon"', "timeout must be a number of seconds"),
    ],
)
def test_a_value_of_another_kind_is_refused(text: str, says: str, tmp_path: Path) -> None:
    """With the file it stands in."""
    with pytest.raises(ConfigurationError, match=says):
        settings_of(Given(), {}, read_config(file(tmp_path, text)))


@pytest.mark.skipif(os.name != "posix", reason="only there have files such a mode")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666])
def test_a_token_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    """With the command that mends it; a file without a token is nobody's secret."""
    path = file(tmp_path, mode=mode)
    with pytest.raises(ConfigurationError, match=f"so it is not used: chmod 600 {path}"):
        read_config(path)
    path = file(tmp_path, 'timezone = "UTC"', mode)
    assert read_config(path).shared == {"timezone": "UTC"}
    for private in (0o600, 0o400):
        assert read_config(file(tmp_path, mode=private)).default == "work"
        (tmp_path / "config.toml").unlink()


def test_where_the_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where JOINME_CONFIG says, else where the platform keeps such files; a folder in its place is told."""
    named = file(tmp_path)
    assert path_of({"JOINME_CONFIG": str(named)}) == named
    with pytest.raises(ConfigurationError, match=r"JOINME_CONFIG names .*other\.toml, and there is no such file"):
        path_of({"JOINME_CONFIG": str(tmp_path / "other.toml")})
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        assert path_of({}) == tmp_path / "joinme" / "config.toml"
    assert read_config(tmp_path / "nothing.toml") == ConfigFile(tmp_path / "nothing.toml")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_config(tmp_path)


def test_a_mark_at_its_beginning_is_no_part_of_a_file(tmp_path: Path) -> None:
    """Some editors of Windows write one."""
    path = file(tmp_path)
    path.write_text(FILE, encoding="utf-8-sig")
    assert read_config(path).default == "work"


def test_a_file_that_is_broken_shows_nobody_its_token(tmp_path: Path) -> None:
    """Not in the message, and in no frame of a traceback: a parser has the whole text in its locals."""
    with pytest.raises(ConfigurationError) as caught:
        read_config(file(tmp_path, 'token = "of work"\nrate ='))
    assert "of work" not in str(caught.value)
    assert caught.value.__context__ is None
    assert not any("of work" in repr(frame.frame.f_locals) for frame in caught.traceback if "joinme" in str(frame.path))


def test_what_was_typed_wrongly_is_a_matter_of_the_command_line(
    command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 for an option, 1 for the environment and the file."""
    for typed in (("--rate", "2.7"), ("--rate", "1_0"), ("--rate", "0"), ("--base-url", "nope"), ("--profile", "home")):
        assert command("config", *typed).code == (1 if typed[0] == "--profile" else 2), typed
    for typed in (("--timeout", "inf"), ("--timeout", "0.0001"), ("--timeout", "soon"), ("--timezone", "Mars")):
        assert command("list", *typed).code == 2, typed
    monkeypatch.setenv("JOINME_TIMEZONE", "Mars")
    assert command("list").code == 1


def test_no_token_is_in_any_repr(tmp_path: Path) -> None:
    """Of the file, of the settings, or of where they came from."""
    config = read_config(file(tmp_path))
    settings = settings_of(Given(), {"JOINME_ACCESS_TOKEN": "of the environment"}, config)
    for shown in (repr(config), repr(settings), repr(settings_of(Given(), {}, config))):
        assert not any(token in shown for token in ("of work", "for all", "of the environment"))


# As its user meets them


def test_config_shows_each_setting_and_its_source_but_no_token(
    command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For people, and as JSON."""
    path = file(tmp_path)
    monkeypatch.setenv("JOINME_CONFIG", str(path))
    monkeypatch.setenv("JOINME_TIMEOUT", "9")
    assert command("config", "--rate", "3") == Done(
        0,
        f"file      {path}\n"
        "profile   work\n"
        f"token     set  (from {path}, work)\n"
        "base_url  https://api.join.me/v1  (from the default)\n"
        f"timezone  Europe/London  (from {path})\n"
        "rate      3  (from --rate)\n"
        "timeout   9.0  (from JOINME_TIMEOUT)\n",
        "",
    )
    shown = json.loads(command("config", "--json").out)
    assert (shown["file"], shown["profile"]) == (str(path), "work")
    assert shown["settings"]["token"] == {"value": "set", "from": f"{path}, work"}
    monkeypatch.delenv("JOINME_CONFIG")
    monkeypatch.setattr("platformdirs.user_config_path", lambda *_, **__: tmp_path / "empty")
    out = command("config").out
    path = tmp_path / "empty" / "config.toml"
    assert out.startswith(f"file      {path} (there is none)\nprofile   none\ntoken     not set\n")


def test_without_a_token_it_says_where_one_goes(
    served: Sandbox, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And how to try without one; nothing is sent."""
    monkeypatch.delenv("JOINME_ACCESS_TOKEN")
    done = command("list")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        'joinme: there is no access token: put one into JOINME_ACCESS_TOKEN, or a line token = "..." into '
        f"{os.devnull}, with chmod 600. To try without one: joinme sandbox, which says what to set\n"
    )
    assert served.ledger == ()


def test_somebody_who_is_there_is_asked_for_the_token(
    served: Sandbox, command: Callable[..., Done], terminal: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, unseen, and told where it goes; with --no-input nobody is asked, and nothing typed is no token."""
    monkeypatch.delenv("JOINME_ACCESS_TOKEN")
    terminal("d\n")
    asked: list[str] = []
    typed = [served.token + "\n"]

    def getpass(prompt: str) -> str:
        asked.append(prompt)
        return typed[0]

    monkeypatch.setattr(_shell.getpass, "getpass", getpass)
    command("schedule", "x", "--start", "2027-06-02T09:00Z", "--end", "2027-06-02T10:00Z")
    assert command("delete", "10001").code == 0
    assert len(asked) == 2
    assert asked[0].startswith("joinme: access token for http://127.0.0.1:")
    assert command("list", "--no-input").code == 1
    typed[0] = " "
    assert command("list") == Done(1, "", "joinme: no access token was given\n")
    assert len(asked) == 3


def test_a_profile_is_used_by_every_verb(
    served: Sandbox, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its URL, token and zone, in place of those of the environment."""
    url = os.environ["JOINME_BASE_URL"]
    text = f'[profiles.here]\nbase_url = "{url}"\ntoken = "{served.token}"\ntimezone = "Asia/Tokyo"\n'
    monkeypatch.setenv("JOINME_CONFIG", str(file(tmp_path, text)))
    monkeypatch.setenv("JOINME_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("JOINME_ACCESS_TOKEN", "wrong")
    here = ("--profile", "here")
    assert command("schedule", "x", "--start", "2027-06-02T18:00", "--end", "2027-06-02T19:00", *here).code == 0
    assert served.meetings[0].start.hour == 9
    assert "18:00 to 19:00 JST" in command("get", "10001", *here).out
    Path("m.csv").write_text("name,start,end\ny,2027-06-03T18:00,2027-06-03T19:00\n")
    assert command("bulk", "schedule", "m.csv", *here).code == 0
    assert served.meetings[1].start.hour == 9
    assert command("bulk", "verify", "m.csv", *here).code == 0
    assert command("bulk", "undo", "m.csv", "--yes", *here).code == 0
    assert command("delete", "10001", "--yes", *here).code == 0
