"""Entity paths: the vectors, and what holds for any path."""

from __future__ import annotations

import contextlib
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncrr.alphanumerics import is_alphanumeric
from asyncrr.errors import DataError
from asyncrr.paths import (
    PathError,
    entity_path_of,
    entity_path_parts,
    escape_entity_path_part,
    new_entity_path,
    new_property_entity_path,
    parse_component_path,
    parse_data_path,
    parse_entity_path,
    parse_forgiving,
    parse_strict,
    path_sort_key,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "entity_paths.json").read_text("utf-8"))

characters = st.characters(blacklist_categories=("Cs",))
names = st.text(characters, min_size=1)


@pytest.mark.parametrize("case", VECTORS["escape_part"], ids=lambda case: repr(case["input"]))
def test_escape_part(case: dict[str, Any]) -> None:
    assert escape_entity_path_part(case["input"]) == case["output"]


@pytest.mark.parametrize("case", VECTORS["new_entity_path"], ids=lambda case: case["python_parts"])
def test_new_entity_path(case: dict[str, Any]) -> None:
    parts = eval(case["python_parts"])
    assert new_entity_path(parts) == case["output"]
    assert entity_path_of(parts) == case["output"]
    assert list(entity_path_parts(case["output"])) == case["reparsed_parts"]


@pytest.mark.parametrize("case", VECTORS["parse_forgiving"], ids=lambda case: repr(case["input"]))
def test_parse_forgiving(case: dict[str, Any]) -> None:
    parsed = parse_forgiving(case["input"])
    assert list(parsed.parts) == case["parts"]
    assert list(parsed.warnings) == case["warnings"]
    assert parsed.canonical == case["canonical"]
    assert entity_path_of(case["input"]) == case["canonical"]
    assert parse_entity_path(parsed.canonical) == parsed.canonical


@pytest.mark.parametrize("case", VECTORS["parse_strict"], ids=lambda case: repr(case["input"]))
def test_parse_strict(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(PathError) as caught:
            parse_strict(case["input"])
        assert caught.value.kind == case["error"]
        assert case["error"] in str(caught.value)
    else:
        assert list(parse_strict(case["input"])) == case["parts"]


@pytest.mark.parametrize("case", VECTORS["data_path"], ids=lambda case: case["input"])
def test_data_path(case: dict[str, Any]) -> None:
    parse = parse_component_path if case.get("as") == "ComponentPath" else parse_data_path
    if "error" in case:
        with pytest.raises(PathError) as caught:
            parse(case["input"])
        assert caught.value.kind == case["error"]
    else:
        assert parse(case["input"])._asdict() == {key: case[key] for key in ("entity_path", "instance", "component")}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a[#1", "BadInstance('[#1')"),
        ("a[1]", "BadInstance('[1]')"),
        ("a[#x]", "BadInstance('[#x]')"),
        ("a[#18446744073709551616]", "BadInstance('[#18446744073709551616]')"),
        ("[#1]", "MissingPath"),
        (":colors", "MissingPath"),
        ("a]b", "MissingSlash"),
        ("//", "DoubleSlash"),
        ("a:colors", "UnexpectedComponent('colors')"),
        ("\\u{apa}! :D", "InvalidUnicodeEscape('{apa}')"),
        ("a b", "MissingEscape(' ')"),
    ],
)
def test_strict_errors(path: str, kind: str) -> None:
    with pytest.raises(PathError) as caught:
        parse_strict(path)
    assert caught.value.kind == kind
    assert pickle.loads(pickle.dumps(caught.value)).kind == kind


def test_strict_escapes() -> None:
    assert parse_strict("Hall\\u{00E5}\\n\\r\\t") == ("Hallå\n\r\t",)
    assert parse_component_path("world/points:Color").component == "Color"


@pytest.mark.parametrize("case", VECTORS["new_property_entity_path"], ids=lambda case: repr(case["name"]))
def test_property_path(case: dict[str, Any]) -> None:
    assert new_property_entity_path(case["name"]) == case["output"]


@pytest.mark.parametrize("ascending", VECTORS["ordering_ascending"], ids=str)
def test_ordering(ascending: list[str]) -> None:
    paths = [new_entity_path([part]) for part in ascending]
    backwards = paths[::-1]
    assert sorted(backwards, key=path_sort_key) == paths


def test_ordering_of_fractions_reserved_names_and_trees() -> None:
    for ascending in (
        ["1.001", "1.002", "1.010", "1.02", "1.1", "1.3"],
        ["a", "z", "__a", "__b"],
        ["/", "a", "a/a", "a/a/b", "a/b", "b"],
    ):
        backwards = ascending[::-1]
        assert sorted(backwards, key=path_sort_key) == ascending


def test_alphanumerics() -> None:
    beyond = VECTORS["alnum"]["only_rust"]
    for text in beyond:
        first, last = text.split("-")[0], text.split("-")[-1]
        for code in range(int(first, 16), int(last, 16) + 1):
            assert is_alphanumeric(chr(code))
        before = chr(int(first, 16) - 1)
        assert is_alphanumeric(before) == before.isalnum()
    assert VECTORS["alnum"]["only_python"] == []
    assert not is_alphanumeric("\u0300")
    assert not is_alphanumeric("\u00a0")
    assert not is_alphanumeric("\U0010ffff")


@given(st.lists(names))
def test_parts_survive_the_round_trip(parts: list[str]) -> None:
    path = new_entity_path(parts)
    assert list(parse_forgiving(path).parts) == parts
    assert parse_forgiving(path).warnings == ()
    assert list(parse_strict(path)) == parts
    assert parse_entity_path(path) == path


@given(st.text(characters))
def test_the_canonical_form_is_a_fixed_point(path: str) -> None:
    canonical = parse_entity_path(path)
    assert parse_entity_path(canonical) == canonical
    assert parse_strict(canonical) == entity_path_parts(path)


@given(st.text("ab\\/u{}[#1]: \n", max_size=12))
def test_any_string_parses(path: str) -> None:
    assert all(entity_path_parts(path))
    with contextlib.suppress(PathError):
        parse_data_path(path)


@given(st.lists(names, min_size=1), st.lists(names, min_size=1))
def test_sort_keys_tell_paths_apart(first: list[str], second: list[str]) -> None:
    one, two = new_entity_path(first), new_entity_path(second)
    assert (path_sort_key(one) == path_sort_key(two)) == (one == two)


@pytest.mark.parametrize("path", ["a\ud800", ["a", "\udfff"]])
def test_half_a_surrogate_pair_is_refused(path: Any) -> None:
    with pytest.raises(DataError, match="surrogate"):
        entity_path_of(path)


def test_an_empty_part_is_refused() -> None:
    with pytest.raises(DataError, match="empty part"):
        new_entity_path(["a", "", "b"])


@pytest.mark.parametrize(
    "call",
    [
        lambda: entity_path_of(7),  # type: ignore[arg-type]
        lambda: entity_path_of(b"a"),  # type: ignore[arg-type]
        lambda: new_entity_path("a/b"),
        lambda: parse_forgiving(None),  # type: ignore[arg-type]
        lambda: escape_entity_path_part(1),  # type: ignore[arg-type]
    ],
)
def test_other_types_are_refused(call: Any) -> None:
    with pytest.raises(TypeError):
        call()


def test_a_tuple_is_a_list_of_parts() -> None:
    assert entity_path_of(("a b", 1)) == "a\\ b/1"
