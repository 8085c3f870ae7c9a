"""The client is a package of its own: it needs httpx and nothing of the portal."""

import ast
import sys
import tomllib
from pathlib import Path

import causeway_client

FOLDER = Path(causeway_client.__file__).parent
OPTIONAL = {"litellm_hook.py": {"litellm", "fastapi"}}


def imported(file: Path) -> set[str]:
    """The top-level packages that a module imports from outside the standard library."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found - set(sys.stdlib_module_names)


def test_it_imports_httpx_and_itself() -> None:
    files = {file.name: imported(file) for file in FOLDER.glob("*.py")}
    assert "httpx" in files["client.py"]
    for name, packages in files.items():
        assert packages <= {"httpx", "causeway_client"} | OPTIONAL.get(name, set()), name


def test_it_says_so() -> None:
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())["project"]
    assert [requirement.partition(">")[0] for requirement in project["dependencies"]] == ["httpx"]
    assert (FOLDER / "py.typed").exists()


def test_litellm_is_not_imported_with_it() -> None:
    assert not any("litellm" in package for package in imported(FOLDER / "__init__.py"))
    assert "litellm_hook" not in (FOLDER / "__init__.py").read_text()
