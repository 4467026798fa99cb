"""The public API as text, and what a change of it would break; `python -m tests.public_api` writes it down anew.

The text is that of stubs, taken from the source alone: all that is in `__all__`, with what it has from private bases. No
version of Python, attrs or griffe has a say in it.
"""

import ast
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import NamedTuple

import attrs
import griffe

import joinme_async

MODULES = (
    "joinme_async",
    "joinme_async.bulk",
    "joinme_async.sandbox",
    "joinme_async.testing",
    *(f"joinme_async.transports.{library}" for library in ("aiohttp", "httpx", "httpx2", "pyreqwest")),
)
STUBS = Path(__file__).with_name("api")

_WIDTH = 120
_NOTICED = {"classmethod", "final", "overload", "property", "runtime_checkable", "staticmethod"}  # of the decorators
_COMPARED_HERE = {griffe.BreakageKind.ATTRIBUTE_CHANGED_VALUE, griffe.BreakageKind.CLASS_REMOVED_BASE}
_OURS = {"__reduce__", "__repr__", "__slots__", "__str__"}  # nobody is promised what these say
_WHAT_TO_DO = (
    "Where that is not meant, undo it. A break wants a new 0.x and a line under *Changed* or *Removed*; anything else "
    "a line under *Added*; then `make api`."
)

_Told = griffe.Object | griffe.Parameter


class Verdict(NamedTuple):
    """What lies between two APIs.

    Attributes:
        breaks: what programs written for the old one may stumble over.
        adds: what the new one has besides.
    """

    breaks: list[str]
    adds: list[str]


# The present API, as stubs.


def stub_of(name: str) -> str:
    """Return the stub of a public module."""
    module = importlib.import_module(name)
    things = [_thing(module, public) for public in sorted(module.__all__)]
    return "\n\n".join([f'"""The public names of {name}, written by `make api`."""', *things]) + "\n"


def _thing(module: ModuleType, name: str) -> str:
    thing = getattr(module, name)
    if inspect.isclass(thing):
        return _class(thing)
    if inspect.isfunction(thing):
        return _function(_tree(thing), _names(thing))
    if name == "__version__":
        return "__version__: str"
    home = importlib.import_module(f"joinme_async.{joinme_async._HOME_OF[name]}")
    (node,) = [node for node in _tree(home, whole=True).body if name in _assigned(node)]
    return ast.unparse(node)


@cache
def _public_classes() -> set[type]:
    modules = map(importlib.import_module, MODULES)
    return {thing for module in modules for name in module.__all__ if inspect.isclass(thing := getattr(module, name))}


def _tree(thing: object, *, whole: bool = False) -> ast.AST:
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    return tree if whole else tree.body[0]


def _names(thing: object) -> dict[str, object]:
    return vars(sys.modules[thing.__module__])


def _assigned(node: ast.AST) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _is_private(cls: object) -> bool:
    return inspect.isclass(cls) and cls.__module__.startswith("joinme_async") and cls not in _public_classes()


def _class(cls: type) -> str:
    members: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        if owner is cls or _is_private(owner):
            members |= _members(owner)
    if "__init__" in members and _takes_private(cls.__init__):
        del members["__init__"]
    elif "__init__" not in members and (fields := _fields(cls)):
        members["__init__"] = f"def __init__({_listed(['self', *fields], ') -> None: ...')}"
    decorators = [f"@{ast.unparse(node)}\n" for node in _tree(cls).decorator_list]
    bases = f"({', '.join(found)})" if (found := list(_bases(cls))) else ""
    body = textwrap.indent("\n".join(members.values()) or "...", "    ")
    return f"{''.join(decorators)}class {cls.__name__}{bases}:\n{body}"


def _takes_private(init: FunctionType) -> bool:
    """Say whether an `__init__` is for the package alone: users have none of what it takes."""
    args = _tree(init).args
    types = [arg.annotation for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs]]
    return any(_is_private(_names(init).get(each.id)) for each in types if isinstance(each, ast.Name))


def _bases(cls: type) -> Iterator[str]:
    for node in _tree(cls).bases:
        base = _names(cls).get(ast.unparse(node))
        yield from _bases(base) if _is_private(base) else [ast.unparse(node)]


def _members(cls: type) -> dict[str, str]:
    """Return what a class itself says of its attributes and methods; `__init__` may say some of them."""
    found: dict[str, str] = {}
    for node in _tree(cls).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_told(node.name):
            found[node.name] = "\n".join(filter(None, [found.get(node.name), _function(node, _names(cls))]))
            if node.name == "__init__":
                found = {**found, **_set_in(node), **found}
        for name in filter(_is_told, _assigned(node)):
            typed = isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) != "Final"
            found[name] = f"{name}: {ast.unparse(node.annotation)}" if typed else ast.unparse(node)
    return found


def _is_told(name: str) -> bool:
    return not name.startswith("_") or (name.endswith("__") and name not in _OURS and not name.startswith("__attrs"))


def _set_in(init: ast.FunctionDef) -> dict[str, str]:
    """Return the public attributes that an `__init__` sets, with their types where they are told."""
    types = {arg.arg: arg.annotation for arg in [*init.args.args, *init.args.kwonlyargs]}
    found = {}
    for node in ast.walk(init):
        for target in [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", []):
            for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "self" and _is_told(part.attr):
                    given = node.annotation if isinstance(node, ast.AnnAssign) else types.get(ast.unparse(node.value))
                    found[part.attr] = f"{part.attr}: {ast.unparse(given) if given else 'Any'}"
    return found


def _fields(cls: type) -> list[str]:
    """Return the parameters of an `__init__` that nobody has written: those of attrs, and of a named tuple."""
    told = {}
    for owner in reversed(cls.__mro__):
        if owner.__module__.startswith("joinme_async"):
            for node in _tree(owner).body:
                told |= dict.fromkeys(_assigned(node), node)
    fields = attrs.fields(cls) if attrs.has(cls) else ()
    by_name = [field.alias for field in fields if field.init and field.kw_only]
    by_place = [field.alias for field in fields if field.init and not field.kw_only]
    parameters = [_parameter(told[name], name, _names(cls)) for name in [*by_place, *getattr(cls, "_fields", ())]]
    return [*parameters, *(["*"] if by_name else []), *(_parameter(told[name], name, _names(cls)) for name in by_name)]


def _parameter(node: ast.AnnAssign, name: str, names: dict[str, object]) -> str:
    value = node.value
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "attrs.field":
        options = {keyword.arg: keyword.value for keyword in value.keywords}
        factory = options.get("factory")
        value = ast.Call(factory, [], []) if factory else options.get("default")
    return f"{name}: {ast.unparse(node.annotation)}" + (f" = {_default(value, names)}" if value else "")


def _default(value: ast.expr, names: dict[str, object]) -> str:
    """Return a default as it is written; of a constant, what it is."""
    known = names.get(value.id) if isinstance(value, ast.Name) else None
    return repr(known) if type(known) in (bool, int, str) else ast.unparse(value)


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, names: dict[str, object]) -> str:
    decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
    kept = [f"@{name}\n" for name in decorators if name in _NOTICED or name.endswith(".setter")]
    start = f"{'async ' if isinstance(node, ast.AsyncFunctionDef) else ''}def {node.name}("
    end = f"){f' -> {ast.unparse(node.returns)}' if node.returns else ''}: ..."
    return f"{''.join(kept)}{start}{_listed(_parameters(node.args, names), end, len(start))}"


def _parameters(args: ast.arguments, names: dict[str, object]) -> list[str]:
    by_place = [*args.posonlyargs, *args.args]
    defaults = [*[None] * (len(by_place) - len(args.defaults)), *args.defaults]
    listed = [_with_default(arg, default, names) for arg, default in zip(by_place, defaults, strict=True)]
    if args.posonlyargs:
        listed.insert(len(args.posonlyargs), "/")
    if args.vararg or args.kwonlyargs:
        listed.append(f"*{ast.unparse(args.vararg) if args.vararg else ''}")
    listed += [_with_default(*pair, names) for pair in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
    return [*listed, *([f"**{ast.unparse(args.kwarg)}"] if args.kwarg else [])]


def _with_default(arg: ast.arg, default: ast.expr | None, names: dict[str, object]) -> str:
    told = ast.unparse(arg)
    return told if default is None else f"{told}{' = ' if arg.annotation else '='}{_default(default, names)}"


def _listed(parameters: list[str], end: str, taken: int = 0) -> str:
    """Return parameters in one line, or one a line where that is too long, so that a change shows as one."""
    line = f"{', '.join(parameters)}{end}"
    return line if taken + len(line) < _WIDTH else "".join(f"\n    {each}," for each in parameters) + f"\n{end}"


# What a change of it means.


def verdict(old: str, new: str) -> Verdict:
    """Say what is broken and what is added between two stubs of a module."""
    before, after = (griffe.visit("api", Path("api.pyi"), code) for code in (old, new))
    was, now = dict(_walk(before)), dict(_walk(after))
    judged = {_words(each) for each in griffe.find_breaking_changes(before, after) if each.kind not in _COMPARED_HERE}
    fresh = now.keys() - was.keys()
    added = {path for path in fresh if _parent(path) not in fresh and not getattr(now[path], "required", False)}
    owed = {path for path in added if "the base Protocol" in _facts(was.get(path.partition(".")[0]))}
    breaks = {f"{path}: those who implement the protocol have none" for path in owed}
    adds = {f"{path}: is new" for path in added - owed}
    return Verdict(sorted({*judged, *_changed(was, now), *breaks}), sorted({*_new_bases(was, now), *adds}))


def report(verdicts: Mapping[str, Verdict]) -> str:
    """Tell of the modules that are not what was written down, by name, and what to do."""
    breaks = [f"  {name}.{each}" for name, told in verdicts.items() for each in told.breaks]
    adds = [f"  {name}.{each}" for name, told in verdicts.items() for each in told.adds]
    lines = [f"The API of {', '.join(verdicts)} is not the one in tests/api."]
    if breaks:
        lines += [
            "This BREAKS programs, unless it is a type that takes more or tells more; see docs/explanation/versions.md:",
            *breaks,
        ]
    if adds:
        lines += ["New:", *adds]
    unknown = "what changed is not one of the kinds this test knows: look at `git diff tests/api` after `make api`"
    lines += [f"{name}: {unknown}" for name, told in verdicts.items() if told == Verdict([], [])]
    return "\n".join([*lines, _WHAT_TO_DO])


def _changed(was: dict[str, _Told], now: dict[str, _Told]) -> Iterator[str]:
    for path in was.keys() & now.keys():
        before, after = _facts(was[path]), _facts(now[path])
        if was[path].kind == now[path].kind:
            for what in before:
                if before[what] != after.get(what):
                    yield f"{path}: {what} was {before[what]}, is {after.get(what, 'gone')}"


def _new_bases(was: dict[str, _Told], now: dict[str, _Told]) -> Iterator[str]:
    for path in was.keys() & now.keys():
        if was[path].kind == now[path].kind:
            yield from (f"{path}: {what} is new" for what in _facts(now[path]).keys() - _facts(was[path]).keys())


def _walk(thing: griffe.Object) -> Iterator[tuple[str, _Told]]:
    """Yield names, attributes, methods and parameters by their paths, such as `Thing.send(timeout)`."""
    for member in thing.members.values():
        path = member.path.removeprefix("api.")
        yield path, member
        if member.is_class:
            yield from _walk(member)
        if member.is_function:
            yield from ((f"{path}({each.name})", each) for each in member.parameters)


def _parent(path: str) -> str:
    return path.rpartition("(")[0] or path.rpartition(".")[0]


def _facts(thing: _Told | None) -> dict[str, str]:
    """Return what griffe does not compare: types, bases, decorators and what a function is."""
    if thing is None:
        return {}
    if isinstance(thing, griffe.Parameter):
        return {"the type": str(thing.annotation)}
    if thing.is_attribute:
        return {"the type": str(thing.annotation), "the value": str(thing.value)}
    facts = {"the decorator": " ".join(f"@{each.value}" for each in thing.decorators) or "none"}
    if thing.is_class:
        return facts | {f"the base {base}": "there" for base in thing.bases}
    return facts | {
        "the result": str(thing.returns),
        "the kind": "async" if "async" in thing.labels else "a plain function",
    }


def _words(breakage: griffe.Breakage) -> str:
    return breakage.explain(griffe.ExplanationStyle.MARKDOWN).removeprefix("- ").replace("*", "").replace("`", "")


def main() -> None:
    """Write the present API down."""
    for name in MODULES:
        (STUBS / f"{name}.pyi").write_text(stub_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
