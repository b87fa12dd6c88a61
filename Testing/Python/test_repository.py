"""Promises about the repository itself: its size, its layers, what its lists name."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "LDCTDenoise"
LIBRARY = MODULE / "LDCTDenoiseLib"
MODULE_FILE = MODULE / "LDCTDenoise.py"
PANEL_FILES = set(LIBRARY.glob("widget*.py"))
SCENE_FILES = {LIBRARY / f"{name}.py" for name in (
    "acquisition", "dicomexport", "framesequence", "region", "resultexport", "scene", "sceneresult", "selftest",
    "sidebyside", "sliceplane", "volumerun")} | PANEL_FILES
QT_FILES = {LIBRARY / "workerqprocess.py"} | PANEL_FILES
"""Imported in the application only."""
MEGABYTE = 2**20

needs_git = pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="no git checkout")


def git(*arguments, text=None):
    return subprocess.run(["git", "-C", str(ROOT), *arguments], input=text, capture_output=True, text=True,
                          check=True).stdout


def tracked(folder=ROOT):
    """Return the tracked files below ``folder`` that exist."""
    names = git("ls-files", "-z", "--", str(folder)).split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def size_of(paths):
    return sum(path.stat().st_size for path in paths)


@needs_git
def test_the_tree_and_its_history_keep_within_the_size_budget():
    tree = size_of(tracked())
    objects = git("rev-list", "--objects", "--all", "--no-object-names")
    history = sum(map(int, git("cat-file", "--batch-check=%(objectsize:disk)", text=objects).split()))
    assert tree <= 40 * MEGABYTE
    assert tree + history <= 90 * MEGABYTE


@needs_git
def test_the_weights_and_the_sample_keep_within_their_budgets():
    assert size_of(tracked(LIBRARY / "Models")) <= 12 * MEGABYTE
    assert size_of(tracked(MODULE / "Resources" / "SampleData")) <= 4 * MEGABYTE


@needs_git
def test_no_file_names_a_path_of_one_machine():
    # spelt so that this line does not match itself
    pattern = re.compile(r"(?<![\w.])(/" + r"tmp/|/home/|/root/|/work/|/Users/|C:\\Users\\)\w")
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.name}: {line.strip()}" for line in text.splitlines() if pattern.search(line)]
    assert found == []


def imports_of(path, file_scope=False):
    """Return the top-level names of the packages that ``path`` imports, anywhere or when it is imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    pending = [tree]
    while pending:
        node = pending.pop()
        if file_scope and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
        pending.extend(ast.iter_child_nodes(node))
    return names


def test_the_engine_does_not_know_slicer():
    for path in set(LIBRARY.rglob("*.py")) - SCENE_FILES - QT_FILES:
        assert not imports_of(path) & {"slicer", "vtk", "qt", "ctk"}, path.name


def test_what_stands_above_the_engine_does_not_import_torch():
    for path in {MODULE_FILE, LIBRARY / "provenance.py", LIBRARY / "job.py", *LIBRARY.glob("worker*.py"),
                 *SCENE_FILES}:
        assert "torch" not in imports_of(path), path.name


def test_the_engine_needs_at_import_only_what_slicer_brings_and_torch():
    allowed = set(sys.stdlib_module_names) | {"numpy", "scipy", "SimpleITK", "pydicom", "torch", "slicer", "vtk"}
    # the standard library's tomllib for Python 3.10, which no Slicer of today has
    allowed |= {"tomllib", "tomli"}
    for path in set(LIBRARY.rglob("*.py")) - QT_FILES:
        assert imports_of(path, file_scope=True) <= allowed, path.name


def test_the_module_file_imports_only_what_every_slicer_has():
    assert imports_of(MODULE_FILE, file_scope=True) <= set(sys.stdlib_module_names) | {"numpy", "vtk", "slicer"}


def test_the_module_opens_and_lists_its_models_with_nothing_installed(tmp_path):
    program = """if True:
        import sys
        absent = ["torch", "SimpleITK", "pydicom", "scipy", "skimage", "matplotlib"]
        sys.modules.update(dict.fromkeys(absent))
        from slicerscene import SlicerScene
        scene = SlicerScene(sys.argv[1])
        import LDCTDenoise
        from LDCTDenoiseLib import scene
        assert isinstance(LDCTDenoise.LDCTDenoiseLogic().engine.models(), list)
    """
    code = f"import sys; sys.path[:0] = {[str(MODULE), str(Path(__file__).parent)]!r}\n{program}"
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_functions_of_slicer_util_are_called_as_slicer_util():
    """The slicer-core wheel also has them directly below slicer; the application has not."""
    import slicer

    for path in {MODULE_FILE} | SCENE_FILES:
        used = {node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "slicer"}
        assert not used & set(slicer.util.__all__), path.name


def test_the_user_interface_has_what_the_panel_asks_of_it():
    root = ElementTree.parse(MODULE / "Resources" / "UI" / "LDCTDenoise.ui").getroot()
    names = [element.get("name") for element in root.iter("widget")]
    assert len(names) == len(set(names))
    code = "".join(path.read_text(encoding="utf-8") for path in PANEL_FILES)
    assert set(re.findall(r"\bui\.(\w+)", code)) <= set(names)
    connections = list(root.iter("connection"))
    assert {end.text for c in connections for end in (c.find("sender"), c.find("receiver"))} <= set(names)
    custom = {element.text for element in root.iterfind("customwidgets/customwidget/class")}
    used = {element.get("class") for element in root.iter("widget") if not element.get("class").startswith("Q")}
    assert used == custom


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13"])
def test_the_lock_fixes_one_version_of_every_package(python):
    lines = (ROOT / "Testing" / "requirements.txt").read_text().splitlines()
    locked = [Requirement(line) for line in lines if line and not line.startswith("#")]
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    names = [r.name.lower() for r in locked if r.marker is None or r.marker.evaluate(environment)]
    assert len(names) == len(set(names))
    assert {"torch", "numpy", "slicer-core", "simpleitk", "pydicom", "pytest", "scikit-image"} <= set(names)
    for requirement in locked:
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement
        assert requirement.url is None


def test_installing_brings_the_library_its_models_and_the_command(tmp_path):
    for name in ("pyproject.toml", "README.md", "LICENSE.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(MODULE, tmp_path / "LDCTDenoise", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    models = tmp_path / "LDCTDenoise" / "LDCTDenoiseLib" / "Models"
    models.mkdir(exist_ok=True)
    (models / "a-test.pt").write_bytes(b"weights")
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
                    "--wheel-dir", str(tmp_path / "wheels"), str(tmp_path)], check=True, capture_output=True)
    [wheel] = (tmp_path / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [commands] = [archive.read(name).decode() for name in names if name.endswith("entry_points.txt")]
    expected = {path.relative_to(MODULE).as_posix() for path in LIBRARY.rglob("*.py")}
    assert expected <= names
    assert "LDCTDenoiseLib/Models/a-test.pt" in names
    assert "ldct = LDCTDenoiseLib.cli:main" in commands


@needs_git
def test_every_file_that_the_readme_links_to_is_there():
    files = {path.relative_to(ROOT).as_posix() for path in tracked()}
    links = re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and link not in files] == []
