r"""Entity paths: where in a recording a value belongs.

A path is a list of non-empty parts. Its canonical form joins the escaped parts with ``/``, without a leading slash;
the root is ``/``. Letters and digits of any script, ``_``, ``-`` and ``.`` stand for themselves; other ASCII is
escaped by a backslash, newline, return and tab as ``\n``, ``\r``, ``\t``, and all else as ``\u{262E}``.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from asyncrr.alphanumerics import is_alphanumeric
from asyncrr.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DataPath",
    "ParsedPath",
    "PathError",
    "entity_path_of",
    "entity_path_parts",
    "escape_entity_path_part",
    "new_entity_path",
    "new_property_entity_path",
    "parse_component_path",
    "parse_data_path",
    "parse_entity_path",
    "parse_forgiving",
    "parse_strict",
    "path_sort_key",
]

_PATHS_KEPT = 65_536
_RESERVED = "__"
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_PLAIN = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.")
_ESCAPE_NAMES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_NAMED_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_UNICODE_ESCAPE_LENGTH = 8
"""Characters of the longest ``{10FFFF}``."""


class PathError(DataError):
    """A string that is no strictly written path.

    Attributes:
        kind: What is wrong, such as ``DoubleSlash`` or ``MissingEscape('!')``.
        path: The whole string.
    """

    def __init__(self, kind: str, path: str) -> None:
        super().__init__(f"{path!r} is not a strictly written path: {kind}")
        self.kind = kind
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return PathError, (self.kind, self.path)


class ParsedPath(NamedTuple):
    """What a forgiving reading made of a string."""

    parts: tuple[str, ...]
    canonical: str
    warnings: tuple[str, ...]
    """Likely mistakes: ``unescaped_whitespace``, ``unknown_escape``."""


class DataPath(NamedTuple):
    """A path to an entity, one of its instances, or one of its components."""

    entity_path: str
    instance: int | None
    component: str | None


def escape_entity_path_part(part: str) -> str:
    r"""Escape one part of an entity path: ``my image!`` becomes ``my\ image\!``.

    Args:
        part: The part as it is meant, with nothing escaped.
    """
    if not isinstance(part, str):
        raise TypeError(f"a part of an entity path is a str, not {type(part).__name__}: {part!r}")
    if _PLAIN.issuperset(part):
        return part
    return "".join([char if char in _PLAIN else _escaped(char, part) for char in part])


def _escaped(char: str, part: str) -> str:
    if char in _PUNCTUATION or char == " ":
        return "\\" + char
    if is_alphanumeric(char):
        return char
    if "\ud800" <= char <= "\udfff":
        raise DataError(
            f"{part!r} holds half of a surrogate pair, which is no character: decode the name it came from, "
            "for instance with errors='replace'"
        )
    return _ESCAPE_NAMES.get(char) or f"\\u{{{ord(char):04X}}}"


def new_entity_path(entity_path: Iterable[Any]) -> str:
    r"""Construct an entity path from its parts: ``["world", 42, "my image!"]`` gives ``world/42/my\ image\!``.

    Args:
        entity_path: The parts as they are meant, with nothing escaped. What is no string becomes one by ``str()``.

    Raises:
        DataError: A part is empty.
    """
    if isinstance(entity_path, str | bytes):
        raise TypeError(f"new_entity_path takes the list of the parts, not {entity_path!r}")
    parts = [part if isinstance(part, str) else str(part) for part in entity_path]
    if "" in parts:
        raise DataError(f"{parts!r} has an empty part: leave it out or name it")
    return "/".join([escape_entity_path_part(part) for part in parts]) or "/"


def new_property_entity_path(name: str) -> str:
    """The entity path that holds a property of the recording.

    Args:
        name: The property's name, with nothing escaped.
    """
    return "__properties/" + escape_entity_path_part(name)


def entity_path_of(path: str | Iterable[Any]) -> str:
    """The canonical form of a path: a string is parsed forgivingly, a list escaped part by part."""
    if isinstance(path, str):
        return parse_entity_path(path)
    if isinstance(path, list | tuple):
        return new_entity_path(path)
    raise TypeError(f"an entity path is a str or the list of its parts, not {type(path).__name__}: {path!r}")


@functools.lru_cache(_PATHS_KEPT)
def parse_entity_path(path: str) -> str:
    """The canonical form of a path, forgiving whatever is written wrongly."""
    return parse_forgiving(path).canonical


def entity_path_parts(path: str) -> tuple[str, ...]:
    """The parts of a path, with nothing escaped."""
    return parse_forgiving(path).parts


def parse_forgiving(path: str) -> ParsedPath:
    """Read a path and forgive whatever is written wrongly.

    Slashes too many are ignored, characters that ought to be escaped are taken as they are, and so are backslashes
    that escape nothing known.
    """
    if not isinstance(path, str):
        raise TypeError(f"an entity path is a str or the list of its parts, not {type(path).__name__}: {path!r}")
    warnings: dict[str, None] = {}
    parts = tuple([_forgiven(token, warnings) for token in _tokens(path, "/") if token != "/"])
    return ParsedPath(parts, "/".join([escape_entity_path_part(part) for part in parts]) or "/", tuple(warnings))


def _forgiven(token: str, warnings: dict[str, None]) -> str:
    if _PLAIN.issuperset(token):
        return token
    output = []
    chars = iter(token)
    for char in chars:
        if char != "\\":
            # Python counts the four separators of ASCII as whitespace, Unicode does not.
            if char.isspace() and not "\x1c" <= char <= "\x1f":
                warnings["unescaped_whitespace"] = None
            output.append(char)
            continue
        escaped = next(chars, None)
        if escaped is None:
            output.append("\\")
        elif escaped in _NAMED_ESCAPES:
            output.append(_NAMED_ESCAPES[escaped])
        elif escaped == "u":
            found, written = _unicode_escape(chars)
            output.append(found or "\\u" + written)
        else:
            if escaped not in _PUNCTUATION and escaped != " ":
                warnings["unknown_escape"] = None
            output.append(escaped)
    return "".join(output)


def _unicode_escape(chars: Iterable[str]) -> tuple[str | None, str]:
    """Read ``{262E}``: the character, if it is one, and what was read."""
    written = ""
    for char in chars:
        written += char
        if char == "}" or len(written) == _UNICODE_ESCAPE_LENGTH:
            break
    digits = written[1:-1]
    if written[:1] == "{" and written[-1:] == "}" and digits and _HEX_DIGITS.issuperset(digits):
        code = int(digits, 16)
        if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            return chr(code), written
    return None, written


def _tokens(path: str, special: str) -> list[str]:
    """The special characters, each by itself, and what stands between them."""
    if "\\" not in path and special == "/":
        return [token for token in path.split("/") if token]
    tokens = []
    start = 0
    is_escaped = False
    for at, char in enumerate(path):
        if is_escaped:
            is_escaped = False
        elif char == "\\":
            is_escaped = True
        elif char in special:
            if start < at:
                tokens.append(path[start:at])
            tokens.append(char)
            start = at + 1
    if start < len(path):
        tokens.append(path[start:])
    return tokens


def parse_strict(path: str) -> tuple[str, ...]:
    """The parts of a path that is written exactly; a leading slash is allowed.

    Raises:
        PathError: It is not.
    """
    found = parse_data_path(path)
    if found.instance is not None:
        raise PathError(f"UnexpectedInstance({found.instance})", path)
    if found.component is not None:
        raise PathError(f"UnexpectedComponent({found.component!r})", path)
    return entity_path_parts(found.entity_path)


def parse_component_path(path: str) -> DataPath:
    """Read a strictly written path to a component: ``world/points:Points3D:colors``.

    Raises:
        PathError: It is not one.
    """
    found = parse_data_path(path)
    if found.instance is not None:
        raise PathError(f"UnexpectedInstance({found.instance})", path)
    if found.component is None:
        raise PathError("MissingComponentIdentifier", path)
    return found


def parse_data_path(path: str) -> DataPath:
    """Read a strictly written path to an entity, an instance or a component: ``world/points[#42]:colors``.

    Raises:
        PathError: It is not one.
    """
    if not path:
        raise PathError("EmptyString", path)
    tokens = _tokens(path, "/[]:")
    component = None
    if ":" in tokens:
        at = tokens.index(":")
        component = "".join(tokens[at + 1 :])
        if not component or component.endswith(":"):
            raise PathError("TrailingColon", path)
        del tokens[at:]
    instance = None
    if "[" in tokens:
        at = tokens.index("[")
        inside = tokens[at:]
        number = inside[1][1:] if len(inside) == 3 and inside[2] == "]" and inside[1][:1] == "#" else ""
        if not (number.isascii() and number.isdigit()) or int(number) >= 2**64:
            raise PathError(f"BadInstance({''.join(inside)!r})", path)
        instance = int(number)
        del tokens[at:]
    return DataPath(new_entity_path(_strict_parts(tokens, path)), instance, component)


def _strict_parts(tokens: list[str], path: str) -> list[str]:
    if not tokens:
        raise PathError("MissingPath", path)
    if tokens == ["/"]:
        return []
    if tokens[0] == "/":
        tokens = tokens[1:]
    parts = []
    is_part_due = True
    for token in tokens:
        if is_part_due:
            if token == "/":
                raise PathError("DoubleSlash", path)
            parts.append(_strict_part(token, path))
        elif token != "/":
            raise PathError("MissingSlash", path)
        is_part_due = not is_part_due
    if is_part_due:
        raise PathError("TrailingSlash", path)
    return parts


def _strict_part(token: str, path: str) -> str:
    output = []
    chars = iter(token)
    for char in chars:
        if char != "\\":
            if char not in _PLAIN and not is_alphanumeric(char):
                raise PathError(f"MissingEscape({char!r})", path)
            output.append(char)
            continue
        escaped = next(chars, None)
        if escaped is None:
            raise PathError("TrailingBackslash", path)
        if escaped in _NAMED_ESCAPES:
            output.append(_NAMED_ESCAPES[escaped])
        elif escaped == "u":
            found, written = _unicode_escape(chars)
            if found is None:
                raise PathError(f"InvalidUnicodeEscape({written!r})", path)
            output.append(found)
        elif escaped in _PUNCTUATION or escaped == " ":
            output.append(escaped)
        else:
            raise PathError(f"UnknownEscapeSequence({escaped!r})", path)
    return "".join(output)


def path_sort_key(path: str) -> tuple[Any, ...]:
    """A key that sorts paths as people would: part by part, ``a2`` before ``a10``, ``b`` beside ``B``.

    Parts that begin with ``__`` are reserved and come last.
    """
    return tuple([(part.startswith(_RESERVED), _natural_key(part)) for part in entity_path_parts(path)])


def _natural_key(part: str) -> list[tuple[Any, ...]]:
    key: list[tuple[Any, ...]] = []
    at = 0
    while at < len(part):
        char = part[at]
        if not "0" <= char <= "9":
            key.append((ord(char.lower() if char.isascii() else char), 0, 0, char))
            at += 1
            continue
        end = at + 1
        while end < len(part) and "0" <= part[end] <= "9":
            end += 1
        digits = part[at:end]
        # As in a decimal fraction, digits after a leading zero count from the left: 1.001 < 1.01 < 1.1.
        key.append((ord("0"), 0, 0, digits) if char == "0" else (ord("0"), 1, len(digits), digits))
        at = end
    return key
