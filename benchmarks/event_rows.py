"""Trains models on a log of events, and saves the figures of each training so that it is run once."""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.planted_effects import loss_without
from rrn_tf.beam.prepare_events import prepare_events
from rrn_tf.collaborative_config import CollaborativeConfig, EventDataConfig
from rrn_tf.config import config_from_dict, config_to_dict
from rrn_tf.data.datasets import resolve
from rrn_tf.data.event_scores import user_means
from rrn_tf.data.events import EventSequences
from rrn_tf.data.load_events import load_events
from rrn_tf.data.synthetic import config_from_text
from rrn_tf.data.synthetic_listening import SyntheticListeningConfig, generate_listening
from rrn_tf.evaluation.event_leaderboard import score
from rrn_tf.evaluation.event_metrics import Estimate, discounted_gains, over_users
from rrn_tf.evaluation.event_protocols import CLEAN, scored_positions
from rrn_tf.evaluation.network_scores import event_model
from rrn_tf.features import TIMESTAMP, USER_ID, Split
from rrn_tf.files import write_whole
from rrn_tf.training.truncated_bptt import train


@dataclass(frozen=True)
class Row:
    """The figures of one training.

    Attributes:
      valid_nll, test_nll: NLL in nats, averaged over each user's events, then over users (protocol `clean`).
      ndcg: NDCG@10 of the test events.
      by_user: test NLL of each user, in order.
      best_epoch, epochs: the epoch that was kept, and the number of epochs.
      seconds: time of training with validation.
      parameters: number of values that the model stores.
    """

    valid_nll: float
    test_nll: float
    ndcg: float
    by_user: list[float]
    best_epoch: int
    epochs: int
    seconds: float
    parameters: int


class EventLog:
    """A log of events that is prepared once.

    Args:
      output: folder of the benchmark.
      data: the data, as `rrn train --data` takes it.
      config: settings of preparing sequences.

    Attributes:
      name: name in the title.
      folder: folder of the log.
    """

    def __init__(self, output: Path, data: str, config: EventDataConfig) -> None:
        self._data, self._config = data, config
        self._source = resolve(data, output / "cache")
        self.name = Path(data).name.split(".")[0] if Path(data).exists() else data
        self.folder = output / re.sub(r"[^A-Za-z0-9.=]+", "-", self.name)

    @cached_property
    def sequences(self) -> EventSequences:
        folder, note = self.folder / "sequences", self.folder / "prepared.json"
        settings = {"data": self._data, "config": config_to_dict(self._config)}
        if not note.exists():
            dead_letters = str(self.folder / "dead_letters.jsonl")
            prepare_events(self._source.pattern, str(folder), self._config, dead_letters=dead_letters)
            write_whole(note, json.dumps(settings))
        elif json.loads(note.read_text()) != settings:
            raise ValueError(f"{note}: expected the same log and settings as before, found others; use another OUTPUT")
        return load_events(folder)

    @property
    def best_nll(self) -> float | None:
        """The lowest possible NLL on the test events of a generated log; None for other logs."""
        return self._source.best_nll(self._test()) if self._source.best_nll else None

    def worth(self, effects: Sequence[str]) -> float:
        """Computes by how much the lowest possible test NLL rises without some effects of `synthetic-listening`."""
        events = generate_listening(config_from_text(self._data.partition(":")[2], SyntheticListeningConfig))
        made = pd.MultiIndex.from_arrays([events.user_id, events.timestamp])
        rows = made.isin(pd.MultiIndex.from_frame(self._test()))
        return loss_without(events, effects, rows) - loss_without(events, (), rows)

    def _test(self) -> pd.DataFrame:
        sequences = self.sequences
        at = scored_positions(sequences, Split.TEST)
        user_ids = sequences.user_ids[sequences.user[at] - 1]
        return pd.DataFrame({USER_ID: user_ids, TIMESTAMP: sequences.timestamp[at]})


def trained_rows(
    log: EventLog, name: str, configs: Sequence[CollaborativeConfig], say: Callable[[str], None]
) -> list[Row]:
    """Trains each configuration, or loads its saved figures.

    Raises:
      ValueError: if the folder has figures of this name and seed from another configuration.
    """
    return [_row(log, name, config, say) for config in configs]


def difference(rows: Sequence[Row], reference: Sequence[Row]) -> Estimate:
    """Computes the difference of test NLL to other rows of the same seeds: mean over seeds, then over users."""
    pairs = zip(rows, reference, strict=True)
    less = np.mean([np.subtract(row.by_user, other.by_user) for row, other in pairs], axis=0)
    return over_users(less, np.arange(len(less)))


def _row(log: EventLog, name: str, config: CollaborativeConfig, say: Callable[[str], None]) -> Row:
    file = log.folder / f"{name.replace(' ', '-')}-{config.training.seed}.json"
    if file.exists():
        held: dict[str, Any] = json.loads(file.read_text())
        if config_from_dict(held["config"], CollaborativeConfig) != config:
            raise ValueError(f"{file}: expected figures of the same settings, found others; use another OUTPUT")
        return Row(**held["row"])
    say(f"{log.name}: {name}, seed {config.training.seed}")
    row = _trained(log.sequences, config)
    write_whole(file, json.dumps({"config": config_to_dict(config), "row": asdict(row)}))
    return row


def _trained(sequences: EventSequences, config: CollaborativeConfig) -> Row:
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="rrn-benchmark-") as folder:
        result = train(sequences, folder, config)
    seconds = time.perf_counter() - begin
    at = scored_positions(sequences, Split.TEST)
    found = score(event_model(result.model, result.counts, "row"), result.sequences, at)
    user = sequences.user[at]
    _, by_user = user_means(-found.log_probability.astype(np.float64), user)
    return Row(
        valid_nll=result.metrics[Split.VALID.label][CLEAN]["nll"],
        test_nll=float(by_user.mean()),
        ndcg=over_users(discounted_gains(found.rank, 10), user).value,
        by_user=by_user.tolist(),
        best_epoch=result.best_epoch,
        epochs=len(result.history),
        seconds=seconds,
        parameters=found.parameters,
    )
