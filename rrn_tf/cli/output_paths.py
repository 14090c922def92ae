"""Paths that commands write to; what cannot be written is refused before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from rrn_tf.cli.options import InputError


class OutputFile(click.ParamType):
    """A file to write, new or to be replaced; missing folders are made."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the path.

        Raises:
          InputError: for a folder, or a path that cannot be written.
        """
        path, text = Path(value), str(value)
        option = _option(param)
        if text.endswith(os.sep) or path.is_dir():
            raise InputError(f"{option}: expected a file, found a folder: {text}")
        if not path.exists() or path.is_file():  # devices and pipes are written as they are
            _check_folder(path.parent, option)
        return text


class OutputFolder(click.ParamType):
    """A folder to write to; it is made if it is missing."""

    name = "directory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the path.

        Raises:
          InputError: for a file, or a path that cannot be written.
        """
        _check_folder(Path(value), _option(param))
        return str(value)


class OutputPrefix(click.ParamType):
    """The start of the names of several files, such as ``scores/pairs``."""

    name = "prefix"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Returns the prefix; remote ones are left to Beam.

        Raises:
          InputError: for a folder, or a path that cannot be written.
        """
        text, option = str(value), _option(param)
        if not text or text.endswith(("/", os.sep)):
            raise InputError(
                f"{option}: expected the start of file names, such as {text}scores, found a folder: {text}"
            )
        if "://" not in text:
            _check_folder(Path(text).parent, option)
        return text


def _option(param: click.Parameter | None) -> str:
    return param.opts[0] if param is not None else "output"


def _check_folder(path: Path, option: str) -> None:
    """Checks that files can be written to a folder, some parents of which may still have to be made."""
    there = next(part for part in (path, *path.absolute().parents) if part.exists())
    if not there.is_dir():
        raise InputError(f"{option}: expected a folder, found a file: {there}")
    if not os.access(there, os.W_OK):
        raise InputError(f"{option}: {there} cannot be written: choose another path, or change its permissions")
