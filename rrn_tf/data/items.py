"""What is known of items besides ratings: titles and other attributes, which are kept with a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from rrn_tf.data.model_folder import EXTRA, ModelNotFoundError, find_saved_model, seal
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.files import readable
from rrn_tf.data.reading.item_file import read_item_rows
from rrn_tf.data.reading.rejected import lines_of_rejected
from rrn_tf.features import ITEM_ID

TITLE, YEAR = "title", "year"
SIMILAR_TITLE = "similar_title"  # of an item that is like another
ITEMS_FILE = "items.parquet"
_NAMES_OF_TITLES = (TITLE, "name")
_YEAR_IN_TITLE = r"\((\d{4})(?:[-\u2013]\s*(?:\d{4})?)?\)\s*$"
_PUSHED = "serving_model"  # folder of the pushed versions in the output of a pipeline


def read_items(path: str | Path, tell: Callable[[str], object] = lambda line: None) -> pd.DataFrame:
    r"""Reads a file of items, such as MovieLens' `movies.csv` and `movies.dat` or Netflix' `movie_titles.csv`.

    Args:
      path: CSV (between commas, tabs, semicolons, bars or ``::``) or Parquet, plain or compressed, with a column
        `item_id` (or as published files of ratings name it: `movieId`, ...), and further columns of which one may be
        `title`. The published files without a line of names are recognised.
      tell: called with a line for each of the first rows that cannot be used, and one with their number.

    Returns:
      A row for each item: `item_id` and, if there is one, `title` as text, then all other columns; numbers are numbers.
      If there is no column `year`, it is taken from the parentheses at the end of a title, int64 or missing.

    Raises:
      BadInputError: in one line, for a file that is missing, not readable, or without items, titles or attributes.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     file = Path(folder, "movies.csv")
      ...     _ = file.write_text('movieId,title,genres\n11,"American President, The (1995)",Comedy|Drama\n')
      ...     read_items(file).to_dict("records")
      [{'item_id': '11', 'title': 'American President, The (1995)', 'genres': 'Comedy|Drama', 'year': 1995}]
    """
    file = str(path)
    if not Path(file).is_file():
        raise BadInputError(f"{file}: --items: expected a file of items, found no such file")
    rows = read_item_rows(file)
    for line in lines_of_rejected(file, rows.rejected, rows.total):
        tell(line)
    if rows.frame.empty:
        raise BadInputError(f"{file}: --items: expected items, found none")
    if len(rows.frame.columns) < 2:
        raise BadInputError(f"{file}: --items: expected {TITLE} or other attributes beside the item, found none")
    return _tidy(rows.frame).reset_index(drop=True)


def titles(frame: pd.DataFrame | None) -> dict[str, str]:
    """Returns titles by item; none for items without a title, or without a frame.

    Example:
      >>> titles(pd.DataFrame({"item_id": ["7", "8"], "title": ["Sabrina (1995)", None]}))
      {'7': 'Sabrina (1995)'}
    """
    if frame is None or TITLE not in frame:
        return {}
    known = frame[frame[TITLE].notna()]
    return dict(zip(known[ITEM_ID], known[TITLE], strict=True))


def line_of_items(frame: pd.DataFrame, known: Iterable[str]) -> str:
    """Returns a line on how many items of the data are described, and how many rows are of other items.

    Args:
      frame: the items, from `read_items`.
      known: ids of all items of the data.

    Example:
      >>> line_of_items(pd.DataFrame({"item_id": ["7", "8", "9"]}), ["6", "7", "8"])
      '2 of 3 items of the data are described; 1 described item is not in the data'
    """
    ids = set(known)
    found = int(frame[ITEM_ID].isin(ids).sum())
    others = len(frame) - found
    further = "1 described item is" if others == 1 else f"{others:,} described items are"
    return f"{found:,} of {len(ids):,} items of the data are described; {further} not in the data"


def items_of(folder: str | Path) -> pd.DataFrame | None:
    """Returns the items that are kept with a model, as `read_items` does; None without any.

    Args:
      folder: as of `rrn_tf.data.model_folder.find_saved_model`, or the output of a pipeline, of which the newest pushed
        version is taken.

    Raises:
      BadInputError: for a file that is damaged.
    """
    for place in (Path(folder), Path(folder, _PUSHED)):
        try:
            file = find_saved_model(place) / EXTRA / ITEMS_FILE
        except ModelNotFoundError:
            continue
        if file.exists():
            with readable(str(file)):
                return pq.read_table(file).to_pandas()
    return None


def keep_items(frame: pd.DataFrame | None, model: str | Path) -> None:
    """Writes items into the folder of a SavedModel, where they stay with the model wherever it is copied.

    Args:
      frame: the items, from `read_items`; None writes nothing.
      model: the SavedModel's folder.
    """
    if frame is not None:
        folder = Path(model, EXTRA)
        folder.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(folder / ITEMS_FILE, index=False)
        seal(model, f"{EXTRA}/{ITEMS_FILE}")


def _tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns items with the columns `title` and `year` under these names, and numbers as numbers."""
    lower = {name: str(name).strip().lower() for name in frame}
    for wanted, among in ((TITLE, _NAMES_OF_TITLES), (YEAR, (YEAR,))):
        found = [name for word in among for name, is_called in lower.items() if is_called == word]
        if wanted not in frame and found:
            frame = frame.rename(columns={found[0]: wanted})
    if TITLE in frame:
        text = frame[TITLE].map(str, na_action="ignore").astype(object)
        frame = frame.assign(**{TITLE: text.where(text.notna(), None)})
        frame = frame[[ITEM_ID, TITLE, *(name for name in frame if name not in (ITEM_ID, TITLE))]]
    frame = frame.assign(**{str(name): _numbers(frame[name]) for name in frame if name not in (ITEM_ID, TITLE)})
    if TITLE in frame and YEAR not in frame:
        year = frame[TITLE].str.extract(_YEAR_IN_TITLE, expand=False)
        if year.notna().any():
            frame = frame.assign(**{YEAR: pd.to_numeric(year).astype("Int64")})
    return frame


def _numbers(column: pd.Series) -> pd.Series:
    """Returns a column as numbers if all of its values are numbers, as whole ones if they are whole."""
    values = column
    if column.dtype == object:
        present = column.mask(column == "NULL")
        values = pd.to_numeric(present, errors="coerce")
        # A zero in front, as in 0114709, belongs to a name and not to a number.
        names = present.astype(str).str.match(r"0\d") | (present.notna() & values.isna())
        if names.any() or values.isna().all():
            return column
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        return values.astype("Int64")
    return values
