"""Says why no item is recommended."""

from __future__ import annotations

from rrn_tf.features import Side
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN


def why_nothing(saved: SavedRRN | SavedCollaborativeRNN, user: str, *, limited: bool = False) -> str:
    """Returns a line on why a user is recommended nothing.

    Args:
      saved: the saved model.
      user: id of the user.
      limited: whether some items were excluded, or only some were candidates.
    """
    ratings = isinstance(saved, SavedRRN)
    count = len(saved.ids(Side.ITEM) if isinstance(saved, SavedRRN) else saved.item_ids)
    if not count:
        return f"user {user!r}: nothing to recommend, since the model knows no item"
    met = "has rated" if ratings else "has met"
    if limited:
        return (
            f"user {user!r}: nothing to recommend, since the user {met} each item that is a candidate and not excluded"
        )
    return f"user {user!r}: nothing to recommend, since the user {met} all {count:,} items that the model knows"
