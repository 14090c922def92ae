"""Measures how fast the Collaborative RNN trains, compared with the machine's fastest matrix products."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from rrn_tf.bench.event_load import event_load
from rrn_tf.bench.limits import gemm_rate
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.data.allocator import reused_memory
from rrn_tf.data.event_batches import plan_training
from rrn_tf.environment import environment
from rrn_tf.layers.history_attention import WIDTH
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.truncated_bptt import counted, make_model, make_phase

_GATES = {"gru": 3, "rnn": 1}


def bench_crnn(
    users: int,
    items: int,
    events: int,
    config: CollaborativeConfig,
    epochs: int,
    echo: Callable[[str], None],
) -> dict[str, Any]:
    """Trains on generated events, in memory and on one device, and times the epochs.

    The first epoch is for warming up; of the later ones the fastest is reported, since other programs of the machine
    slowed it least. Validation is not timed.

    Args:
      users, items, events: sizes of the load (see `rrn_tf.bench.event_load`).
      config: sizes of the network and settings of training; its seed is that of the load.
      epochs: number of epochs to time, at least 1.
      echo: prints a line.

    Returns:
      `epoch_seconds`, `events_per_second`, `flops_per_second`, `limit_ratio` (1 if an epoch takes only as long as its
      matrix products), the figures they are computed from, `load`, and the environment.

    Raises:
      ValueError: for more than one replica, or events that do not fit users and items.
      TrainingError: as `ChunkPhase.run`.
    """
    settings = config.training
    if settings.replicas > 1:
        raise ValueError(f"training.replicas should be 0 or 1, received {settings.replicas}")
    keras.utils.set_random_seed(settings.seed)
    begin = time.perf_counter()
    sequences = event_load(users, items, events, settings.seed, config.data)
    sequences, _ = counted(config, sequences)
    plan = plan_training(sequences, settings.users_per_batch, settings.chunk, settings.last_chunks)
    echo(f"load     {events:,} events of {users:,} users with {items:,} items, seed {settings.seed}")
    made = time.perf_counter() - begin
    echo(f"         made in {made:.1f} s; {plan.num_scored:,} events in {len(plan)} groups, {plan.num_chunks:,} chunks")
    strategy = make_strategy(1)
    with strategy.scope():
        model = make_model(config, sequences)
    phase, rng = make_phase(model, plan, config, strategy), np.random.default_rng(settings.seed)
    seconds, losses = [], []
    with reused_memory():
        for _ in range(1 + epochs):
            begin = time.perf_counter()
            losses.append(phase.run(rng.permutation(len(plan))))
            seconds.append(time.perf_counter() - begin)
    figures = environment(settings.seed)
    warm_up, *later = seconds
    best = min(later)
    flops = count_flops(plan.num_scored, items, config)
    rate = gemm_rate(tf.as_dtype(settings.precision))
    limit = flops / rate
    sizes = config.model
    cells = plan.num_chunks * settings.users_per_batch * settings.chunk
    form = f"{sizes.cell} {sizes.units}, {sizes.matrices} matrices"
    if sizes.mixture:
        form += f", {sizes.heads} heads over {sizes.window} events, {sizes.attention} of them with attention, "
        form += "and counts of other users' events"
    echo(
        f"network  {form}; {settings.users_per_batch} users a group, chunks of {settings.chunk}; {settings.softmax} "
        f"softmax in {settings.precision}"
    )
    echo(
        f"epoch    {best:.2f} s, the best of {epochs} after {max(warm_up - best, 0):.1f} s of compilation: "
        f"{plan.num_scored / best:,.0f} events/s, {flops / best / 1e9:,.1f} GFLOP/s; {1 - plan.num_scored / cells:.1%} "
        f"padding; losses {', '.join(f'{loss:.3f}' for loss in losses)}"
    )
    echo(
        f"limit    {limit:.2f} s: its matrix products at {rate / 1e9:,.0f} GFLOP/s; training reaches "
        f"{limit / best:.0%} of that speed"
    )
    echo(f"memory   {figures['peak_memory_bytes'] / 1e9:.2f} GB at the peak")
    return {
        "epoch_seconds": best,
        "all_epoch_seconds": later,
        "compile_seconds": max(warm_up - best, 0.0),
        "events_per_second": plan.num_scored / best,
        "flops_per_second": flops / best,
        "limit_ratio": limit / best,
        "limit_seconds": limit,
        "gemm_flops_per_second": rate,
        "flops": flops,
        "events": plan.num_scored,
        "chunks": plan.num_chunks,
        "padding_share": 1 - plan.num_scored / cells,
        "losses": losses,
        "load": {"users": users, "items": items, "events": events},
        **figures,
    }


def count_flops(events: int, items: int, config: CollaborativeConfig) -> int:
    """Counts the operations of the matrix products in an epoch; a multiply-add is two operations.

    For each event, with H units, M scored items and g gates: the logits ``2 H M`` and the recurrence ``2 g H H``, each
    forward and twice backward. With a mixture and k user factors, logits are ``2 (H + k + 1) M``, and the recurrence
    also has its inputs, ``2 g H H``, a projection, ``2 (H + k) H``, and, for each attention head with products of
    width D over W + C events in chunks of C steps, ``2 H (2 D + H + 2 (W + C))``; of its sampled items the frequent
    and the drawn ones are counted, but not those from users' own events. Elementwise functions, the optimizer and
    padding are not counted.

    Args:
      events: number of training events.
      items: number of items of the softmax, of which a sampled softmax scores some.
      config: sizes of the network.
    """
    units, settings = config.model.units, config.training
    certain = settings.samples // 2 if config.model.mixture else 1
    scored = items if settings.softmax == "full" else min(items, settings.samples + certain)
    recurrence = _GATES[config.model.cell] * units * units
    if config.model.mixture:
        beside, reach = config.model.stationary, config.model.window + settings.chunk
        attention = config.model.attention * units * (2 * WIDTH + units + 2 * reach)
        return 6 * events * ((units + beside + 1) * scored + 2 * recurrence + (units + beside) * units + attention)
    return 6 * events * (units * scored + recurrence)
