"""A model that one set of dependencies saves is answered alike by TensorFlow of the other."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from tests.recommended import TINY, TINY_EVENTS, event_frame, rating_frame

ROOT = Path(__file__).parents[2]
OWN, OTHER = sys.executable, os.environ.get("RRN_TF_OTHER_PYTHON", "")
ANSWER = """
    import sys
    import numpy as np
    import tensorflow as tf

    model, signature, queries, output, answers = sys.argv[1:]
    inputs = {name: tf.constant(value) for name, value in np.load(queries).items()}
    np.save(answers, tf.saved_model.load(model).signatures[signature](**inputs)[output].numpy())
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not OTHER, reason="RRN_TF_OTHER_PYTHON names no Python that has the other set"),
]


def run(python: str, *arguments: str) -> None:
    # Its own standard library and packages, whatever this process was started with.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([python, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["rrn", "crnn"])
@pytest.mark.parametrize("trained_by", [OWN, OTHER], ids=["own", "other"])
def test_both_answer_alike(trained_by: str, kind: str, tmp_path: Path) -> None:
    frame: pd.DataFrame = rating_frame() if kind == "rrn" else event_frame()
    data, output, queries = tmp_path / "data.csv", tmp_path / "run", tmp_path / "queries.npz"
    frame.to_csv(data, index=False)
    settings = TINY if kind == "rrn" else {**TINY_EVENTS, "data.min_user_entropy": 0, "data.min_item_events": 1}
    overrides = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    run(
        trained_by,
        "-m",
        "rrn_tf.cli",
        "train",
        "--model",
        kind,
        "--data",
        str(data),
        "--output",
        str(output),
        *overrides,
    )

    users = frame.user_id.to_numpy().astype(str)
    if kind == "rrn":
        signature, answer = "predict", "rating"
        asked: dict[str, npt.NDArray] = {
            "user_id": np.append(users, "stranger"),
            "item_id": np.append(frame.item_id.to_numpy().astype(str), "1"),
            "timestamp": np.append(frame.timestamp.to_numpy(), frame.timestamp.max()).astype(np.int64),
        }
    else:
        signature, answer = "next_items", "log_probability"
        users = np.append(np.unique(users), "stranger")
        asked = {"user_id": users, "history": np.array([["1", "2"]] * len(users)), "k": np.int32(5)}
    np.savez(queries, **asked)

    found = []
    for python in (OWN, OTHER):
        answers = tmp_path / "answers.npy"
        program = textwrap.dedent(ANSWER)
        run(python, "-c", program, str(output / "model"), signature, str(queries), answer, str(answers))
        found.append(np.load(answers))
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-5)
