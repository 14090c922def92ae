"""Any number of replicas takes the same steps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, config_from_dict
from tests.events import random_events

ROOT = Path(__file__).parent.parent.parent
SMALL = {"units": 8, "embedding": 8, "dynamic": 4, "stationary": 3}
SETTINGS: dict[str, dict[str, Any]] = {
    # Some batches are of fewer entities than replicas, and most gradients are clipped after their sum over replicas.
    "ratings": {"rows_per_batch": 64, "gradient_clip": 0.01},
    # Of an ensemble TensorFlow's gradients over no rows are whatever is in memory.
    "ensemble": {"rows_per_batch": 64, "ensemble": 2},
    "innovations": {"rows_per_batch": 512, "inputs": "innovations", "bayesian_factors": 2, "selection": "both"},
}
# Groups of five users, which four replicas divide unevenly; the last has two, which leaves shares empty.
EVENTS = [(n, 2 + n % 3, 2) for n in (30, 7, 12, 45, 5, 21, 9, 16, 38, 14, 6, 26)]
EVENT_SETTINGS: dict[str, dict[str, Any]] = {
    # Nearly all updates have a gradient that is clipped.
    "clean": {"gradient_clip": 0.001},
    "interleaved": {"stationary": 2, "stationary_l2": 0.01, "selection": "interleaved"},
}


def config(inputs: str = "ratings", bayesian_factors: int = 0, ensemble: int = 1, **training: Any) -> Config:
    model = {**SMALL, "inputs": inputs, "bayesian_factors": bayesian_factors, "ensemble": ensemble}
    settings = {"epochs": 2, "learning_rate": 3e-3, "pretraining": "none", **training}
    return config_from_dict({"model": model, "training": settings})


def event_config(stationary: int = 0, **training: Any) -> CollaborativeConfig:
    settings = {"epochs": 3, "patience": 0, "users_per_batch": 5, "chunk": 4, **training}
    model = {"units": 6, "stationary": stationary}
    return config_from_dict({"model": model, "training": settings}, CollaborativeConfig)


def train_all(replicas: int, prepared: str, folder: str) -> None:
    """Trains with every setting and writes losses and weights. A process can have one number of replicas."""
    from rrn_tf.training import truncated_bptt
    from rrn_tf.training.alternating import train
    from rrn_tf.training.devices import make_strategy, set_logical_devices

    set_logical_devices(replicas)
    for name, settings in SETTINGS.items():
        result = train(prepared, Path(folder, "run"), config(**settings), strategy=make_strategy(replicas))
        losses = [[r.user_rmse, r.item_rmse, r.valid_rmse] for r in result.history]
        np.savez(Path(folder, f"{name}.npz"), losses, *(variable.numpy() for variable in result.model.variables))
    events = random_events(EVENTS, 15)
    for name, settings in EVENT_SETTINGS.items():
        of_events = truncated_bptt.train(
            events, Path(folder, "run"), event_config(**settings), strategy=make_strategy(replicas)
        )
        losses = [[r.train_nll, r.valid_nll] for r in of_events.history]
        np.savez(Path(folder, f"{name}.npz"), losses, *(variable.numpy() for variable in of_events.model.variables))


@pytest.fixture(scope="module")
def trained(prepared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Folders of what `train_all` writes, by the number of replicas."""
    folders = {replicas: tmp_path_factory.mktemp(f"replicas{replicas}") for replicas in (1, 2, 4)}
    for replicas, folder in folders.items():
        call = f"train_all({replicas}, {str(prepared_dir)!r}, {str(folder)!r})"
        code = f"from tests.training.test_devices import train_all; {call}"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 4])
@pytest.mark.parametrize("settings", [*SETTINGS, *EVENT_SETTINGS])
def test_replicas_give_the_same_losses_as_one(settings: str, replicas: int, trained: dict[int, Path]) -> None:
    one, several = (np.load(trained[n] / f"{settings}.npz") for n in (1, replicas))
    np.testing.assert_allclose(several["arr_0"], one["arr_0"], rtol=1e-6)
    for name in one.files[1:]:
        # Adam and RMSprop divide by the size of a gradient: where that is next to nothing, rounding decides.
        np.testing.assert_allclose(several[name], one[name], atol=2e-6 if settings in EVENT_SETTINGS else 2e-5)
