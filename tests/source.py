"""The package's source as syntax trees: which module imports which, where."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "asyncrr"


def module_name(path: Path) -> str:
    """``asyncrr/sinks/file.py`` is ``sinks.file``; a package's ``__init__.py`` has the package's name."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) or "asyncrr"


PAGE = PACKAGE / "viewer" / "web"  # is bundled, and has but its build hook in Python

MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py")) if PAGE not in path.parents}


@dataclass(frozen=True)
class Import:
    """One import: of a module of ours by its short name, or of another one by its full name."""

    importer: str
    imported: str
    is_ours: bool
    is_lazy: bool
    line: int

    def __str__(self) -> str:
        return f"{self.importer} line {self.line} imports {self.imported}"


def imports_of(module: str) -> list[Import]:
    """What a module imports at run time; ``if TYPE_CHECKING:`` blocks do not count."""
    found: list[Import] = []
    _walk(ast.parse(MODULES[module].read_text()).body, module, False, found)
    return found


def _walk(statements: list[ast.stmt], module: str, is_lazy: bool, found: list[Import]) -> None:
    for statement in statements:
        if isinstance(statement, ast.Import):
            found.extend(_import(module, name.name, is_lazy, statement.lineno) for name in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            assert statement.module, f"{module} line {statement.lineno}: a relative import"
            for name in statement.names:
                inner = f"{statement.module}.{name.name}"
                is_module = inner.removeprefix("asyncrr.") in MODULES and inner.startswith("asyncrr.")
                found.append(_import(module, inner if is_module else statement.module, is_lazy, statement.lineno))
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.dump(statement.test):
            _walk(statement.orelse, module, is_lazy, found)
        else:
            is_function = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
            for _, value in ast.iter_fields(statement):
                for inner in value if isinstance(value, list) else []:
                    if isinstance(inner, ast.ExceptHandler | ast.match_case):
                        _walk(inner.body, module, is_lazy or is_function, found)
                    elif isinstance(inner, ast.stmt):
                        _walk([inner], module, is_lazy or is_function, found)


def _import(module: str, name: str, is_lazy: bool, line: int) -> Import:
    is_ours = name == "asyncrr" or name.startswith("asyncrr.")
    return Import(module, name.removeprefix("asyncrr.") if is_ours else name, is_ours, is_lazy, line)
