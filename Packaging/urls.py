"""Bring every URL of the repository into line with EXTENSION_HOMEPAGE in the top CMakeLists.txt.

    python3 Packaging/urls.py

The homepage is https://github.com/OWNER/REPOSITORY. Needs Python's standard library and git.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE_ENTRY = Path("Packaging") / "LDCTDenoise.json"
PLACEHOLDER = "OWNER_TO_SET"
"""Stands for the owner until the repository has one; with its underscores it is nobody's account."""
HOSTS = ("https://github.com/", "https://raw.githubusercontent.com/")
_HOMEPAGE = re.compile(r'set\(EXTENSION_HOMEPAGE "https://github\.com/([\w.-]+/[\w.-]+)"\)')


def chosen_repository(root: Path = ROOT) -> str:
    """Return "owner/repository" of the homepage. Raises ValueError when it has another form."""
    found = _HOMEPAGE.search((root / "CMakeLists.txt").read_text(encoding="utf-8"))
    if found is None:
        raise ValueError("EXTENSION_HOMEPAGE in CMakeLists.txt is not of the form "
                         '"https://github.com/OWNER/REPOSITORY": write it so, then run this again.')
    return found[1]


def written_repository(root: Path = ROOT) -> str:
    """Return "owner/repository" as the catalogue entry has it, which this script wrote last."""
    url = json.loads((root / CATALOGUE_ENTRY).read_text(encoding="utf-8"))["scm_url"]
    return url.removeprefix(HOSTS[0]).removesuffix(".git")


def bring_into_line(root: Path = ROOT) -> list[str]:
    """Replace the old repository's URLs in every tracked text file; return the names of the files that changed."""
    old, new = written_repository(root), chosen_repository(root)
    if old == new:
        return []
    names = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True,
                           check=True).stdout
    changed = []
    for name in filter(None, names.split("\0")):
        try:
            text = (root / name).read_bytes().decode("utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
        rewritten = text
        for host in HOSTS:
            rewritten = re.sub(re.escape(host + old) + r"(?![\w-])", host + new, rewritten)
        if rewritten != text:
            (root / name).write_bytes(rewritten.encode("utf-8"))
            changed.append(name)
    return changed


if __name__ == "__main__":
    try:
        print("\n".join(bring_into_line()) or "Every URL is in line with the homepage.")
    except ValueError as error:
        sys.exit(str(error))
