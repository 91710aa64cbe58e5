"""What the project uses of other packages is what they offer: nothing inside them, or inside Python, is replaced."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.refreshes import PROJECT

# What is the process's own: where it prints to, and its environment.
OWN = ("sys.stdout", "sys.stderr", "os.environ")


def imported(tree: ast.Module) -> set[str]:
    """Names in a module that stand for something of another package."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("orchestration"):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def replaced(source: str) -> Iterator[str]:
    """What a module assigns to, deletes or sets inside another package."""
    tree = ast.parse(source)
    others = imported(tree)
    for node in ast.walk(tree):
        targets = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = [part for target in node.targets for part in ast.walk(target)]
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [*ast.walk(node.target)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "delattr"):
            targets = [ast.Attribute(node.args[0], "any")]
        for target in targets:
            if isinstance(target, ast.Attribute | ast.Subscript):
                root = target.value
                while isinstance(root, ast.Attribute | ast.Subscript):
                    root = root.value
                if isinstance(root, ast.Name) and root.id in others:
                    yield ast.unparse(target)
        if ast.unparse(node) == "sys.modules" if isinstance(node, ast.Attribute) else False:
            yield "sys.modules"


def test_a_database_is_opened_in_one_place_with_the_limits_of_memory_and_threads() -> None:
    files = (PROJECT / "orchestration").rglob("*.py")
    opening = {file.name for file in files if "duckdb.connect(" in file.read_text(encoding="utf-8")}
    assert opening == {"database.py"}


@pytest.mark.parametrize("file", sorted((PROJECT / "orchestration").rglob("*.py")), ids=lambda file: file.stem)
def test_nothing_of_another_package_is_replaced(file: Path) -> None:
    assert [place for place in replaced(file.read_text(encoding="utf-8")) if not place.startswith(OWN)] == []


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("import subprocess\nsubprocess.Popen = print", "subprocess.Popen"),
        ("from a.b import C\nC.method, x = f, 1", "C.method"),
        ("import sys\nsys.modules['pandas'] = None", "sys.modules['pandas']"),
        ("import sys\nsys.modules.setdefault('dbt', None)", "sys.modules"),
        ("import a\nsetattr(a.b, 'c', 1)", "a.b.any"),
    ],
)
def test_a_replacement_is_seen(source: str, place: str) -> None:
    assert place in set(replaced(source))
