"""The files of a saved model: checks that they are whole and of which kind the model is.

Importing this module does not import TensorFlow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rrn_tf.data.model_folder import ModelNotFoundError, damage, find_saved_model

__all__ = ["NEXT_ITEMS", "RECOMMEND", "ModelNotFoundError", "check_saved_model", "find_saved_model", "loaded_module"]

# The kinds of models, by the signature that only models of that kind have.
RECOMMEND, NEXT_ITEMS = "recommend", "next_items"
_KINDS = {
    RECOMMEND: "a model of ratings (RRN)",
    NEXT_ITEMS: "a model of events (Collaborative RNN), whose next items `rrn recommend` predicts",
}
_GRAPH = "saved_model.pb"
_INITIALIZER = "__saved_model_init_op"  # no signature of the model's own
_MEND = "copy its whole folder again, or train again"


def check_saved_model(path: str | Path, *kinds: str) -> str:
    """Checks a SavedModel by its files, without loading it, and returns its kind, one of `kinds`.

    Args:
      path: the SavedModel's directory.
      kinds: signatures, one of which the model must have, the first one `RECOMMEND` or `NEXT_ITEMS`; by default both
        of these.

    Raises:
      ModelNotFoundError: if the model is of another kind, was not saved by this package, or lacks files.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    folder = Path(path)
    try:
        meta = saved_model_pb2.SavedModel.FromString((folder / _GRAPH).read_bytes()).meta_graphs[0]
    except (DecodeError, IndexError):
        raise ModelNotFoundError(
            f"{path}: expected a SavedModel, found one that cannot be read: {_GRAPH} is damaged; {_MEND}"
        ) from None
    _check_content(folder, _GRAPH)  # before what it says is believed
    signatures = [name for name in meta.signature_def if name != _INITIALIZER]
    accepted = kinds or tuple(_KINDS)
    kind = next((kind for kind in accepted if kind in signatures), None)
    if kind is None:
        if other := next((told for name, told in _KINDS.items() if name in signatures), None):
            raise ModelNotFoundError(f"{path}: expected {_KINDS[accepted[0]]}, found {other}")
        found = ", ".join(sorted(signatures)) or "none"
        raise ModelNotFoundError(f"{path}: expected a model saved by rrn_tf, found one with the signatures: {found}")
    needed = ["variables/variables.index", *(f"assets/{of.filename}" for of in meta.asset_file_def)]
    missing = [name for name in needed if not (folder / name).is_file()]
    values = list((folder / "variables").glob("variables.data-*"))
    if not values:
        missing.append("variables/variables.data-00000-of-00001")
    if missing:
        raise ModelNotFoundError(f"{path}: the model is not whole, it lacks {', '.join(missing)}: {_MEND}")
    for file in (folder / needed[0], *values):
        if not file.stat().st_size:
            raise ModelNotFoundError(f"{path}: the model is not whole, variables/{file.name} is empty: {_MEND}")
    _check_content(folder, without=(_GRAPH,))
    return kind


def _check_content(folder: Path, *names: str, without: tuple[str, ...] = ()) -> None:
    """Raises a `ModelNotFoundError` if files of a model, by default all but some, are not as they were saved."""
    if wrong := damage(folder, *names, without=without):
        raise ModelNotFoundError(f"{folder}: expected a SavedModel, found one that cannot be read: {wrong}; {_MEND}")


def loaded_module(model: str | Path | Any, *kinds: str) -> Any:
    """Loads the module at a path (see `find_saved_model`); returns a module that is already loaded unchanged.

    Args:
      model: the path or the module.
      kinds: as in `check_saved_model`.

    Raises:
      ModelNotFoundError: as of `check_saved_model`, or for values that are damaged.
    """
    if not isinstance(model, str | Path):
        return model
    import tensorflow as tf

    path = find_saved_model(model)
    check_saved_model(path, *kinds)
    try:
        module = tf.saved_model.load(str(path))
    except MemoryError:
        raise
    except Exception as error:  # TensorFlow raises an IndexError, a KeyError or one of its own for damaged values
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelNotFoundError(
            f"{path}: expected a SavedModel, found one that cannot be read: {reason}; {_MEND}"
        ) from error
    if not hasattr(module, "about"):
        raise ModelNotFoundError(f"{path}: expected a model saved by rrn_tf, found one without its description")
    return module
