"""Exports a saved model of a given size with random weights, without training."""

from __future__ import annotations

from pathlib import Path

import tf_keras as keras

from rrn_tf.bench.load import Load, load_in_memory
from rrn_tf.config import Config
from rrn_tf.data.batches import plan_batches
from rrn_tf.features import SIDES
from rrn_tf.serving.export import export_saved_model
from rrn_tf.states.snapshot import RRNSnapshot
from rrn_tf.states.step_states import StepStates
from rrn_tf.training.alternating import make_model
from rrn_tf.training.pretraining import start_at_mean


def export_untrained(load: Load, config: Config, path: str | Path) -> None:
    """Computes the states of a network with random weights on the load, and saves the model.

    Args:
      load: the ratings; its seed is that of the weights too.
      config: sizes of the network.
      path: the SavedModel's directory.
    """
    keras.utils.set_random_seed(load.ratings.seed)
    sequences = load_in_memory(load)
    model = make_model(config, sequences)
    start_at_mean(model, sequences.metadata.rating_mean)
    plans = {
        side: plan_batches(sequences.side(side), sequences.metadata, config.training.rows_per_batch) for side in SIDES
    }
    states = StepStates(model, sequences, plans)
    states.refresh_all()
    export_saved_model(RRNSnapshot.at_cutoff(states, metrics={}), path)
