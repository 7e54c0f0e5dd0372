"""The template of the route that took a request, of Starlette's and its descendants' applications."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, MutableMapping
from re import Pattern
from typing import Any, TypeAlias

__all__ = ["RouteTemplates"]

Scope: TypeAlias = "MutableMapping[str, Any]"


class RouteTemplates:
    """Finds templates by endpoint, from the routes of an application, those of mounted ones included.

    Nothing is matched twice: the router has left in the scope whom it has found, and only an endpoint with several
    routes needs a look at the path.

    Args:
        app: The application, or something else with ``routes``.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._found: dict[int, list[tuple[str, Pattern[str]]]] = {}
        self._endpoints: dict[int, Any] = {}  # an id stands for an object as long as that lives

    def template_of(self, scope: Scope, path: str) -> str | None:
        """The template, with the prefixes of all that lies above; ``None`` where no route has taken the request.

        Args:
            scope: As the application has left it.
            path: Without the part that the application is mounted at.
        """
        endpoint = scope.get("endpoint")
        if endpoint is None:
            return None
        if id(endpoint) not in self._endpoints and len(self._endpoints) < _MAX_ENDPOINTS:
            self._endpoints[id(endpoint)] = endpoint
            self._read()  # it is new, or the first
        found = self._found.get(id(endpoint), [])
        fitting = found if len(found) < 2 else [each for each in found if each[1].fullmatch(path)]
        for template, _ in fitting or found:
            return template
        return getattr(scope.get("route"), "path_format", None)

    def _read(self) -> None:
        for template, endpoint in _routes(self._app.routes, ""):
            self._endpoints[id(endpoint)] = endpoint
            known = self._found.setdefault(id(endpoint), [])
            named = _PARAMETER.sub(r"{\1}", template)
            if all(named != other for other, _ in known):
                known.append((named, _pattern(template)))


_MAX_ENDPOINTS = 10_000
"""A framework that makes a new one for every request must not fill the memory."""
_KINDS = {"path": ".*", "int": "[0-9]+", "float": r"[0-9]+(?:\.[0-9]+)?", "uuid": "[0-9A-Fa-f-]{32,36}"}
_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


def _pattern(template: str) -> Pattern[str]:
    pieces = []
    end = 0
    for parameter in _PARAMETER.finditer(template):
        pieces += [re.escape(template[end : parameter.start()]), _KINDS.get(parameter[2], "[^/]+")]
        end = parameter.end()
    return re.compile("".join([*pieces, re.escape(template[end:])]))


def _routes(routes: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Template and endpoint of each route."""
    of_fastapi = sys.modules.get("fastapi.routing")
    if of_fastapi is not None and hasattr(of_fastapi, "iter_route_contexts"):  # flattens routers that were included
        routes = of_fastapi.iter_route_contexts(routes)
    for route in routes:
        template = prefix + (getattr(route, "path", None) or "")
        if getattr(route, "endpoint", None) is not None:
            yield template or "/", route.endpoint
        elif getattr(route, "app", None) is not None:  # mounted, or for a host
            yield template + "/{path:path}", route.app
            yield from _routes(getattr(route, "routes", None) or [], template)
