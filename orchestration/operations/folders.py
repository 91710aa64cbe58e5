"""Folders of KEIZOKU_HOME: made whatever the umask, and in the place of what is no folder."""

import os
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter; what else stands in its place goes."""
    if os.path.lexists(folder) and not folder.is_dir():
        folder.unlink()
    make_open(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_mode & 0o777 != 0o700:
        folder.chmod(0o700)


def make_open(folder: Path) -> None:
    """Make a folder, and those above it that there are not, through which readers reach what is published.

    One that is there keeps the access that somebody gave it.
    """
    if not folder.is_dir():
        make_open(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
