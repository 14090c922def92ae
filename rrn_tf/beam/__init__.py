"""Data preparation on Apache Beam; no other part of the package imports Beam."""

import warnings

with warnings.catch_warnings():
    # Google's clients warn of the end of support for Python and grpcio versions whenever Beam imports them.
    warnings.simplefilter("ignore", FutureWarning)
    import apache_beam as beam  # noqa: F401
