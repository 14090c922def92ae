"""The type of elements that are grouped by the number of a shard, from which Beam chooses the coder of their keys.

Beam pickles keys whose type it does not know. Runners outside Python then compare pickled bytes, and some refuse them
or the union of such elements with typed ones; a declared whole number is encoded as all runners know it.
"""

from __future__ import annotations

from typing import Any, TypeVar

import apache_beam as beam

# A shard's number, and anything that belongs to the shard.
KEYED = beam.typehints.Tuple[int, Any]

Element = TypeVar("Element")


def typed(keyed: beam.PCollection, label: str) -> beam.PCollection:
    """Declares that elements are of the type `KEYED`, for a tagged output, whose type its maker cannot declare.

    Args:
      keyed: pairs of a shard's number and a value.
      label: label of the transform.
    """
    return keyed | label >> beam.Map(_same).with_output_types(KEYED)


def _same(element: Element) -> Element:
    return element
