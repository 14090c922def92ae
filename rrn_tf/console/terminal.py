"""The terminal: the only place that opens one, so that no text of a user's is taken for markup."""

from __future__ import annotations

from rich.console import Console


def terminal() -> Console:
    """Returns the console of standard output, which prints text as it is: without markup, emoji codes or colours."""
    return Console(markup=False, emoji=False, highlight=False)
