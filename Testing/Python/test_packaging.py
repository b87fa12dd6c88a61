"""The extension as CMake configures and installs it: every file, no file twice, and it works from where it lands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from packagingtree import (
    MODULES_FOLDER,
    ROOT,
    cmake_program,
    configure,
    git_files,
    install,
    listed_files,
    module_names,
)

needs_git = pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="no git checkout")
needs_cmake = pytest.mark.skipif(cmake_program() is None, reason="no CMake: install Testing/requirements.txt")


def all_listed(module):
    return listed_files(module, "SCRIPTS") + listed_files(module, "RESOURCES")


@needs_git
def test_every_tracked_file_of_a_module_is_listed_for_cmake_and_every_listed_one_is_tracked():
    modules = module_names()
    assert "LDCTDenoise" in modules
    tracked = git_files()
    with_cmake = {name.split("/")[0] for name in tracked if name.endswith("/CMakeLists.txt") and name.count("/") == 1}
    assert set(modules) == with_cmake - {"Testing"}
    for module in modules:
        files = {name.removeprefix(f"{module}/") for name in tracked if name.startswith(f"{module}/")}
        files.discard("CMakeLists.txt")
        listed = all_listed(module)
        assert sorted(files - set(listed)) == [], f"{module}: tracked, but not listed"
        assert sorted(set(listed) - files) == [], f"{module}: listed, but not tracked"
        assert len(listed) == len(set(listed)), f"{module}: listed twice"


def test_scripts_are_python_and_resources_are_not():
    for module in module_names():
        assert all(name.endswith(".py") for name in listed_files(module, "SCRIPTS"))
        assert not any(name.endswith(".py") for name in listed_files(module, "RESOURCES"))


def test_no_two_modules_install_a_file_of_one_name_and_packages_carry_the_modules_name():
    every = [name.lower() for module in module_names() for name in all_listed(module)]
    assert sorted({name for name in every if every.count(name) > 1}) == []
    for module in module_names():
        packages = {name.split("/")[0] for name in listed_files(module, "SCRIPTS") if "/" in name}
        assert packages == {f"{module}Lib"}
        assert f"{module}.py" in listed_files(module, "SCRIPTS")


def test_the_changes_of_this_version_are_written_down():
    from LDCTDenoiseLib import __version__

    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## ([\d.]+)", changes, re.MULTILINE)[1] == __version__


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that the modules are installed into, on a path with a space and a letter beyond ASCII."""
    folder = tmp_path_factory.mktemp("Slicer ö 5.13")
    run = configure(ROOT, folder / "build")
    assert run.returncode == 0, run.stderr
    run = install(folder / "build", folder / "prefix")
    assert run.returncode == 0, run.stderr
    return folder / "prefix" / MODULES_FOLDER


@needs_cmake
def test_the_installed_tree_holds_exactly_the_listed_files(installed):
    files = {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}
    assert files == {name for module in module_names() for name in all_listed(module)}
    assert (installed / "LDCTDenoiseLib" / "Models" / "models.json").read_bytes() == (
        ROOT / "LDCTDenoise" / "LDCTDenoiseLib" / "Models" / "models.json").read_bytes()


@needs_cmake
def test_the_catalogue_gets_a_complete_description(installed):
    lines = (installed.parents[2] / "share" / "Slicer-5.13" / "LDCTDenoise.s4ext").read_text().splitlines()
    description = dict(line.split(" ", 1) for line in lines)
    assert description["depends"] == "PyTorch"
    assert "not for clinical use" in description["description"]
    assert "US 11,682,110" in description["description"]


def in_installed(installed, *arguments, cwd):
    """Run Python with the installed modules as the only source of this project's packages."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, encoding="utf-8",
                          env=environment, cwd=cwd)


@needs_cmake
def test_every_installed_module_file_can_be_imported_where_slicer_is(installed, tmp_path):
    pytest.importorskip("slicer")
    program = """if True:
        import importlib, pathlib, sys
        installed, helpers, folder, *modules = sys.argv[1:]
        sys.path.append(helpers)
        from slicerscene import SlicerScene
        scene = SlicerScene(folder)
        for name in modules:
            module = importlib.import_module(name)
            assert pathlib.Path(module.__file__).parent == pathlib.Path(installed), module.__file__
            assert getattr(module, name + "Logic")() is not None
    """
    run = in_installed(installed, "-c", program, str(installed), str(Path(__file__).parent), str(tmp_path / "slicer"),
                       *module_names(), cwd=tmp_path)
    assert run.returncode == 0, run.stderr


@needs_cmake
def test_every_installed_library_file_can_be_imported(installed, tmp_path):
    scripts = [name for module in module_names() for name in listed_files(module, "SCRIPTS")]
    names = sorted(name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in scripts
                   if "/" in name and not name.endswith("__main__.py"))
    program = """if True:
        import importlib, sys
        # what only the application has
        absent = {"qt", "ctk", "slicer.i18n", "slicer.parameterNodeWrapper", "slicer.ScriptedLoadableModule"}
        for name in sys.argv[1:]:
            try:
                importlib.import_module(name)
            except ModuleNotFoundError as error:
                if error.name not in absent:
                    raise
    """
    run = in_installed(installed, "-c", program, *names, cwd=tmp_path)
    assert run.returncode == 0, run.stderr


@needs_cmake
def test_the_command_line_lists_the_models_from_the_installed_tree(installed, tmp_path):
    run = in_installed(installed, "-m", "LDCTDenoiseLib", "models", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    for model in ("hrnet", "unet", "plain"):
        assert model in run.stdout


@pytest.fixture
def copy(tmp_path):
    """A copy of what CMake reads, to break."""
    target = tmp_path / "source"
    for module in module_names():
        for name in all_listed(module) + ["CMakeLists.txt"]:
            (target / module / name).parent.mkdir(parents=True, exist_ok=True)
            (target / module / name).touch()
        shutil.copy(ROOT / module / "CMakeLists.txt", target / module)
    for name in ("CMakeLists.txt", "README.md", "LICENSE.txt"):
        shutil.copy(ROOT / name, target)
    return target


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


BROKEN = {
    "a missing script": (lambda root: (root / "LDCTDenoise/LDCTDenoiseLib/engine.py").unlink(), "engine.py"),
    "a missing resource": (lambda root: (root / "LDCTDenoise/LDCTDenoiseLib/Models/hrnet.pt").unlink(), "hrnet.pt"),
    "policies that hide Slicer's Python": (lambda root: replace(root / "CMakeLists.txt", "...3.22.6", "...3.28.0"),
                                           "CMP0148"),
    "no licence": (lambda root: (root / "LICENSE.txt").unlink(), "LICENSE_FILE"),
    "no description": (lambda root: replace(root / "CMakeLists.txt", "set(EXTENSION_DESCRIPTION", "set(OTHER"),
                       "DESCRIPTION"),
    "a semicolon": (lambda root: replace(root / "CMakeLists.txt", "Known related", "; known related"), "semicolon"),
    "a path upwards": (lambda root: replace(root / "LDCTDenoise/CMakeLists.txt", "  Resources/UI/LDCTDenoise.ui",
                                            "  Resources/UI/LDCTDenoise.ui\n  ../README.md"), "../README.md"),
    "a misspelt parameter": (lambda root: replace(root / "LDCTDenoise/CMakeLists.txt", "WITH_GENERIC_TESTS",
                                                  "WITH_GENERIC_TEST"), "WITH_GENERIC_TEST"),
    "a missing test": (lambda root: replace(root / "LDCTDenoise/CMakeLists.txt", "(SCRIPT ${MODULE_NAME}.py",
                                            "(SCRIPT Absent.py"), "Absent.py"),
}


@needs_cmake
@pytest.mark.parametrize("fault", BROKEN)
def test_configuring_fails_and_says_what_is_wrong(copy, tmp_path, fault):
    break_it, said = BROKEN[fault]
    break_it(copy)
    run = configure(copy, tmp_path / "build")
    assert run.returncode != 0
    assert said in run.stderr


@needs_cmake
def test_two_modules_that_install_one_name_are_refused(copy, tmp_path):
    shutil.copytree(copy / "LDCTDenoise", copy / "Second")
    replace(copy / "Second/CMakeLists.txt", "set(MODULE_NAME LDCTDenoise)", "set(MODULE_NAME Second)")
    (copy / "Second/Second.py").touch()
    replace(copy / "CMakeLists.txt", "## NEXT_MODULE", "add_subdirectory(Second)")
    run = configure(copy, tmp_path / "build")
    assert run.returncode != 0
    assert "installed already" in run.stderr
