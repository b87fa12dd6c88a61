"""What the scene and the panels say can be translated: Slicer's tools find every text, and no placeholder is lost."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for module in ("LDCTDenoise", "DIDInteractive") for path in sorted((ROOT / module).rglob("*.py"))]
TRANSLATING = [path for path in FILES if "from slicer.i18n import tr as _" in path.read_text(encoding="utf-8")]
ENGLISH = {"selftest.py", "workerqprocess.py"}
"""Said to developers, or part of the worker, all of which is English."""


def trees(paths):
    return [pytest.param(ast.parse(path.read_text(encoding="utf-8")), id=path.name) for path in paths]


def calls_of(tree, name):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            and node.func.id == name]


def is_text(node):
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_files_that_know_the_scene_translate_what_they_say():
    """Only they may: engine and worker run without Slicer."""
    raising = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        if "slicer" in imports and path.name not in ENGLISH:
            raising += [f"{path.name}:{node.lineno}" for node in ast.walk(tree)
                        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
                        and any(is_text(argument) for argument in node.exc.args)]
    assert raising == []


@pytest.mark.parametrize("tree", trees(TRANSLATING))
def test_every_translated_text_is_one_literal(tree):
    """Slicer's update_translations.py and lupdate find nothing else; a formatted string would be no such text."""
    for call in calls_of(tree, "_"):
        assert len(call.args) == 1 and not call.keywords, call.lineno
        assert isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str), call.lineno


@pytest.mark.parametrize("tree", trees(TRANSLATING))
def test_placeholders_have_names(tree):
    """A translation may need another order; Slicer refuses one whose placeholders are others."""
    for call in calls_of(tree, "_"):
        for name in re.findall(r"(?<!\{)\{([^{}]*)\}(?!\})", call.args[0].value):
            assert name.partition(":")[0].isidentifier(), (call.lineno, name)


@pytest.mark.parametrize("path", TRANSLATING, ids=lambda path: path.name)
def test_slicer_s_own_search_finds_every_text(path):
    """Of update_translations.py: a call of _ ends where a quotation mark is followed by a bracket."""
    source = path.read_text(encoding="utf-8")
    found = [text for mark in "\"'"
             for text in re.findall(rf"[^_]_\((\s*?{mark}.+?{mark}\s*?)\)", source, flags=re.DOTALL)]
    expected = [call.args[0].value for call in calls_of(ast.parse(source), "_")]
    assert sorted(ast.literal_eval(f"({text})") for text in found) == sorted(expected)
