"""Application and recording ids."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

from asyncrr.errors import RecordingWarning, UsageError

__all__ = ["checked_application_id", "checked_recording_id", "enabled_by"]

_MAX_CHARACTERS = 1024


def checked_application_id(application_id: object) -> str:
    """The application id, if it is one.

    Raises:
        UsageError: It is no text, empty, or longer than 1024 characters.
    """
    return _checked("application_id", application_id)


def checked_recording_id(recording_id: object, application_id: str) -> str:
    """The recording id, or one that a process and its ``multiprocessing`` children share.

    It is derived from ``multiprocessing.current_process().authkey`` and the application id where none is given.

    Raises:
        UsageError: It is neither text nor a UUID, empty, or longer than 1024 characters.
    """
    import uuid  # here, since importing them takes long and a program may never need them

    if recording_id is None:
        import hashlib
        from multiprocessing import current_process

        authkey = bytes(current_process().authkey)
        digest = hashlib.blake2b(application_id.encode(), key=authkey[:64], digest_size=16).digest()
        return str(uuid.UUID(bytes=digest, version=4))
    return _checked("recording_id", str(recording_id) if isinstance(recording_id, uuid.UUID) else recording_id)


def _checked(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name}={value!r}: give a str, not {type(value).__name__}")
    if not value or len(value) > _MAX_CHARACTERS:
        raise UsageError(f"{name} of {len(value)} characters: give 1 to {_MAX_CHARACTERS}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{name}={value!r}: lone surrogates are no text") from None
    return value


def enabled_by(environment: Mapping[str, str], default: bool) -> bool:
    """Whether logging is on: ``ASYNCRR`` says, else ``RERUN``, else `default`.

    A value other than on, off, 1, 0, true and false gives one warning and the default.
    """
    for variable in ("ASYNCRR", "RERUN"):
        text = environment.get(variable)
        if text is None:
            continue
        if text.lower() in ("on", "1", "true"):
            return True
        if text.lower() in ("off", "0", "false"):
            return False
        warnings.warn(
            f"{variable}={text!r} cannot be read: use on or off; {default} is used", RecordingWarning, stacklevel=4
        )
        return default
    return default
