"""Measures the phases of an RRN's training and their parts, compared with the machine's limit."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tf_keras as keras

from rrn_tf.bench.limits import MachineLimits, measure_limits
from rrn_tf.bench.load import Load, load_in_memory
from rrn_tf.bench.parts import measure_parts
from rrn_tf.bench.work import Counts, Work, count_work
from rrn_tf.config import Config
from rrn_tf.data.allocator import reused_memory
from rrn_tf.data.batches import batch_budget, plan_batches
from rrn_tf.environment import environment
from rrn_tf.features import SIDES, Side
from rrn_tf.states.step_states import StepStates
from rrn_tf.training.alternating import make_model
from rrn_tf.training.checkpoints import Checkpoints, Progress
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.phases import Phase
from rrn_tf.training.pretraining import start_at_mean

_NAMES = {
    "input": "input",
    "lstm": "recurrence",
    "gather_scatter": "gathers and scatters",
    "optimizer": "optimizers",
    "cache_refresh": "cache refresh",
    "other": "the rest",
}


class PhaseTime(NamedTuple):
    """Seconds of one phase of one epoch: its training steps, and the refresh of the cached states that it changed."""

    steps: float
    refresh: float

    @property
    def seconds(self) -> float:
        return self.steps + self.refresh


def bench_rrn(load: Load, config: Config, epochs: int, echo: Callable[[str], None]) -> dict[str, Any]:
    """Trains on the load, in memory and on one device, and times the phases.

    A phase includes the refresh of the cached states that it changed: those of its side and, if innovations are the
    inputs, those of the other side too. The first epoch is for warming up; of the later ones the fastest is reported,
    since other programs of the machine slowed it least. Bayesian factors are not fitted and validation is left out,
    since `rrn_tf.bench.whole_training` measures them.

    Args:
      load: training data; its seed is that of training, and its time steps are the data's.
      config: sizes of the network and settings of training.
      epochs: number of epochs to time, at least 1.
      echo: prints a line.

    Returns:
      `user_phase` and `item_phase`, each with `seconds`, `ratings_per_second`, `limit_ratio` (1 if the phase takes only
      as long as the limit, see `count_work`) and the figures they are computed from; `machine`, `checkpoint_seconds`,
      `rows_per_batch` as configured, `load`, and the environment. Peak memory is that of loading and training, without
      later measurements.

    Raises:
      ValueError: for more than one replica.
      RuntimeError: if some rating is not in the batches.
      TrainingError: as `Phase.run`.
    """
    settings = seeded(config, load).training
    seed = settings.seed
    keras.utils.set_random_seed(seed)
    begin = time.perf_counter()
    sequences = load_in_memory(load)
    echo(f"load     {load}")
    echo(f"         {load.steps}")
    made = environment(seed)["peak_memory_bytes"]
    echo(f"         made in {time.perf_counter() - begin:.1f} s, not timed; {made / 1e9:.2f} GB")

    strategy = make_strategy(1)
    with strategy.scope(), reused_memory():
        model = make_model(config, sequences)
        start_at_mean(model, sequences.metadata.rating_mean)
        plans = {
            side: plan_batches(sequences.side(side), sequences.metadata, settings.rows_per_batch) for side in SIDES
        }
        states = StepStates(model, sequences, plans)
    for side in SIDES:
        if (planned := plans[side].num_ratings) != load.ratings.ratings:
            raise RuntimeError(f"expected {load.ratings.ratings:,} ratings in {side.value} batches, found {planned:,}")
    phases = [Phase(side, model, states, plans[side], settings, strategy) for side in SIDES]
    with reused_memory():
        times = _run_epochs(phases, states, epochs, seed)
        checkpoint = _checkpoint_seconds(model, phases)
        figures = environment(seed)
        parts = {phase.side: measure_parts(phase, model, states, plans[phase.side], strategy) for phase in phases}
        machine = measure_limits()

    echo(f"network  {_described(config)}")
    echo(f"machine  {machine.flops / 1e9:,.0f} GFLOP/s of GEMM, {machine.bandwidth / 1e9:,.1f} GB/s of memory")
    outcome, counts = {}, {side: Counts.of(plans[side]) for side in SIDES}
    for side in SIDES:
        work = count_work(counts[side], config.model, counts[side.opposite])
        outcome[f"{side.value}_phase"] = {
            "batches": len(plans[side]),
            "rows_per_batch": batch_budget(counts[side].rows, settings.rows_per_batch),
            **_figures(times[side], counts[side], work, parts[side], machine),
        }
        _print(side, outcome[f"{side.value}_phase"], echo)
    echo("         parts are measured alone, outside the step, and need not add up")
    echo(f"memory   {figures['peak_memory_bytes'] / 1e9:.2f} GB at the peak; a checkpoint takes {checkpoint:.2f} s")
    return {
        **outcome,
        "machine": {"gemm_flops_per_second": machine.flops, "memory_bytes_per_second": machine.bandwidth},
        "checkpoint_seconds": checkpoint,
        "rows_per_batch": settings.rows_per_batch,
        "load": load.as_dict(),
        **figures,
    }


def seeded(config: Config, load: Load) -> Config:
    """Returns the settings with the load's seed.

    Raises:
      ValueError: for more than one replica.
    """
    if config.training.replicas > 1:
        raise ValueError(f"training.replicas should be 0 or 1, received {config.training.replicas}")
    return dataclasses.replace(config, training=dataclasses.replace(config.training, seed=load.ratings.seed))


def _described(config: Config) -> str:
    sizes = config.model
    ensemble = f"{sizes.ensemble} networks of " if sizes.ensemble > 1 else ""
    include_opposite_state = ", include_opposite_state" if sizes.include_opposite_state else ""
    return (
        f"{ensemble}{sizes.cell} {sizes.units}, embedding {sizes.embedding}, dynamic {sizes.dynamic}, stationary "
        f"{sizes.stationary}; inputs {sizes.inputs}{include_opposite_state}"
    )


def _run_epochs(phases: Sequence[Phase], states: StepStates, epochs: int, seed: int) -> dict[Side, list[PhaseTime]]:
    """Returns the times of each side by epoch; the first epoch is for warming up."""
    rng = np.random.default_rng(seed)
    states.refresh_all()
    times: dict[Side, list[PhaseTime]] = {side: [] for side in SIDES}
    for _ in range(1 + epochs):
        for phase in phases:
            begin = time.perf_counter()
            phase.run(rng)
            middle = time.perf_counter()
            states.refresh(phase.side)
            times[phase.side].append(PhaseTime(middle - begin, time.perf_counter() - middle))
    return times


def _checkpoint_seconds(model: Any, phases: Sequence[Phase]) -> float:
    with tempfile.TemporaryDirectory(prefix="rrn-bench-") as folder:
        checkpoints = Checkpoints(folder, model, phases, Progress())
        begin = time.perf_counter()
        checkpoints.save()
        return time.perf_counter() - begin


def _figures(
    times: list[PhaseTime], counts: Counts, work: Work, parts: dict[str, float], machine: MachineLimits
) -> dict[str, Any]:
    warm_up, *later = times
    best = min(later, key=lambda time: time.seconds)
    arithmetic, traffic = machine.seconds(work)
    parts = {**parts, "cache_refresh": best.refresh}
    parts["other"] = max(best.seconds - sum(parts.values()), 0.0)
    return {
        "seconds": best.seconds,
        "epoch_seconds": [time.seconds for time in later],
        "compile_seconds": max(warm_up.seconds - best.seconds, 0.0),
        "ratings_per_second": counts.ratings / best.seconds,
        "rows_per_second": counts.rows / best.seconds,
        "flops_per_second": work.flops / best.seconds,
        "limit_ratio": (arithmetic + traffic) / best.seconds,
        "limit": {"arithmetic_seconds": arithmetic, "memory_seconds": traffic},
        "work": work._asdict(),
        **counts._asdict(),
        "padding_share": counts.padding,
        "part_seconds": parts,
        # Fractions of the sum of parts, which exceeds the phase's time if parts overlap in it.
        "shares": {name: seconds / sum(parts.values()) for name, seconds in parts.items()},
    }


def _print(side: Side, figures: dict[str, Any], echo: Callable[[str], None]) -> None:
    arithmetic, memory = figures["limit"].values()
    parts = sorted(figures["part_seconds"], key=figures["part_seconds"].get, reverse=True)
    largest = " and ".join(_NAMES[part] for part in parts[:2])
    echo(
        f"{side.value:8} {figures['seconds']:.2f} s, the best of {len(figures['epoch_seconds'])} epochs after "
        f"{figures['compile_seconds']:.1f} s of compilation: {figures['ratings_per_second']:,.0f} ratings/s, "
        f"{figures['rows_per_second']:,.0f} rows/s, {figures['flops_per_second'] / 1e9:,.1f} GFLOP/s"
    )
    echo(
        f"         {figures['rows']:,} rows in {figures['batches']} batches, a budget of {figures['rows_per_batch']:,} "
        f"padded rows each; {figures['padding_share']:.1%} padding"
    )
    echo(
        "         "
        + ", ".join(
            f"{_NAMES[part]} {figures['part_seconds'][part]:.2f} s ({figures['shares'][part]:.0%})" for part in parts
        )
    )
    echo(
        f"         limit {arithmetic + memory:.2f} s: arithmetic {arithmetic:.2f} s, memory {memory:.2f} s; training "
        f"reaches {figures['limit_ratio']:.0%} of that speed, and most of the gap is {largest}"
    )
