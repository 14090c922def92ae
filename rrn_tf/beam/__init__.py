"""Data preparation on Apache Beam; no other part of the package imports Beam."""

import warnings

with warnings.catch_warnings():
    # Google's clients foretell the end of Python and grpcio versions whenever Beam imports them.
    warnings.simplefilter("ignore", FutureWarning)
    import apache_beam as beam  # noqa: F401
