"""The options that say how files are to be read, the same for all commands and pipelines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rrn_tf.data_format import DataFormat

Settings = TypeVar("Settings")


def _option(told: str, flag: str, **settings: Any) -> Any:
    return field(default=settings.pop("default", None), metadata={"flags": (flag,), "help": told, **settings})


@dataclass(frozen=True)
class FormatOptions:
    """How files are to be read, as far as that is not recognised by what stands in them (docs/files.md)."""

    format: str | None = _option("Published layout of the files, such as movielens-1m (docs/files.md).", "--format")
    columns: str | None = _option(
        "Names of the files' columns, or positions from 1: user_id=userId,item_id=3,...", "--columns"
    )
    separator: str | None = _option("What stands between fields: ';', '::', tab, space, ...", "--separator")
    no_header: bool = _option(
        "The files have no line of names: --columns gives positions.", "--no-header", is_flag=True, default=False
    )
    time: str | None = _option("What times are: s, ms, us, ns, ISO or a format such as %d/%m/%Y.", "--time")

    def over(self, base: DataFormat | None = None) -> DataFormat:
        """Returns the settings `data.format`, of which those given as options replace `base`.

        Raises:
          click.UsageError: for an invalid option.
        """
        from pydantic import ValidationError

        from rrn_tf.data_format import DataFormat

        given = {"name": self.format, "columns": self.columns, "separator": self.separator, "time": self.time}
        values = dataclasses.asdict(base or DataFormat()) | {key: of for key, of in given.items() if of is not None}
        if self.no_header:
            values["header"] = False
        try:
            return DataFormat(**values)
        except ValidationError as error:
            # The first word is the name of the option.
            raise click.UsageError(f"--{error.errors()[0]['msg'].removeprefix('Value error, ')}") from None

    def into(self, config: Settings) -> Settings:
        """Returns a configuration with these options as its settings `data.format`."""
        data: Any = getattr(config, "data")  # noqa: B009
        return dataclasses.replace(config, data=dataclasses.replace(data, format=self.over(data.format)))  # type: ignore[type-var]


def tell_layouts(
    pattern: str, columns: Sequence[str], data_format: DataFormat, optional: Sequence[str] = (), *, named: bool = False
) -> None:
    """Judges files by their beginning and prints a line for each layout that is recognised.

    Args:
      pattern, columns, data_format, optional: as in `rrn_tf.data.reading.first_look.look_at`.
      named: whether the pattern may be the name of a data set, of which nothing is told.
    """
    from rrn_tf.data.reading.first_look import is_file, look_at

    if named and not is_file(pattern):
        return
    for line in look_at(pattern, columns, data_format, optional):
        click.echo(line)
