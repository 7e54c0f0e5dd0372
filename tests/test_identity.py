"""Ids of applications and recordings, and what the environment says of logging."""

from __future__ import annotations

import multiprocessing
import uuid
from typing import Any

import pytest

from asyncrr.errors import RecordingWarning, UsageError
from asyncrr.identity import checked_application_id, checked_recording_id, enabled_by


def test_application_ids_are_taken_as_they_are() -> None:
    for application_id in ("a", "my app", "é\n", "x" * 1024):
        assert checked_application_id(application_id) == application_id


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (None, "give a str, not NoneType"),
        (b"a", "give a str, not bytes"),
        (1, "give a str, not int"),
        (uuid.UUID(int=1), "give a str, not UUID"),
        ("", "of 0 characters: give 1 to 1024"),
        ("x" * 1025, "of 1025 characters: give 1 to 1024"),
        ("\ud800", "lone surrogates"),
    ],
)
def test_other_application_ids_are_refused_and_told(wrong: Any, match: str) -> None:
    with pytest.raises(UsageError, match=f"application_id.*{match}"):
        checked_application_id(wrong)


def test_recording_ids_are_text_or_uuid() -> None:
    assert checked_recording_id("mine", "app") == "mine"
    name = uuid.UUID(int=5)
    assert checked_recording_id(name, "app") == "00000000-0000-0000-0000-000000000005"


@pytest.mark.parametrize("wrong", [1, "", "x" * 1025, "\udfff", b"a"])
def test_other_recording_ids_are_refused(wrong: Any) -> None:
    with pytest.raises(UsageError, match="recording_id"):
        checked_recording_id(wrong, "app")


def test_without_an_id_a_process_and_an_application_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    first = checked_recording_id(None, "app")
    assert uuid.UUID(first).version == 4
    assert checked_recording_id(None, "app") == first
    assert checked_recording_id(None, "another app") != first
    authkey = multiprocessing.current_process().authkey
    assert authkey.hex() not in first
    monkeypatch.setattr(multiprocessing.current_process(), "authkey", b"another process family" * 10)
    assert checked_recording_id(None, "app") != first


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("variable", ["ASYNCRR", "RERUN"])
def test_the_environment_says_whether_logging_is_on(variable: str, default: bool) -> None:
    for text in ("on", "ON", "1", "true", "True"):
        assert enabled_by({variable: text}, default) is True
    for text in ("off", "Off", "0", "false", "FALSE"):
        assert enabled_by({variable: text}, default) is False
    assert enabled_by({}, default) is default


def test_our_own_variable_comes_first() -> None:
    assert enabled_by({"ASYNCRR": "off", "RERUN": "on"}, True) is False
    assert enabled_by({"ASYNCRR": "on", "RERUN": "off"}, False) is True


@pytest.mark.parametrize("default", [True, False])
@pytest.mark.parametrize("environment", [{"ASYNCRR": "yes", "RERUN": "on"}, {"RERUN": ""}])
def test_what_cannot_be_read_gives_one_warning_and_the_default(environment: dict[str, str], default: bool) -> None:
    variable = next(iter(environment))
    with pytest.warns(RecordingWarning, match=f"{variable}='.*' cannot be read: use on or off") as told:
        assert enabled_by(environment, default) is default
    assert len(told) == 1
