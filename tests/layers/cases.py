"""Every public layer with inputs and an independent computation, for the shared contract."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rrn_tf.layers import (
    CollaborativeGRUCell,
    CollaborativeSimpleRNNCell,
    EnsembleDense,
    EnsembleLSTMCell,
    HistoryAttention,
    HistoryCopy,
    InnovationEncoder,
    ItemSoftmax,
    MixtureGate,
    RatingEmission,
    StateTower,
    StationaryFactors,
    StepContext,
    StepEncoder,
)
from tests import collaborative_reference, reference
from tests.contracts import Case

B, T, N, D = 3, 3, 9, 2
LENGTHS = np.array([3, 0, 2])
DAYS = 30.0


def _context(rng: np.random.Generator) -> np.ndarray:
    newbie = np.arange(B * T) % T == 0
    wallclock = rng.normal(size=B * T)
    return np.stack([newbie, wallclock, wallclock - rng.random(B * T)], axis=1).reshape(B, T, 3)


def _slot(rng: np.random.Generator) -> np.ndarray:
    return np.append(rng.integers(-1, B * T, N - 2), [-1, 0]).astype(np.int32)


def _nan_where(nowhere: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(nowhere.reshape(nowhere.shape + (1,) * (values.ndim - nowhere.ndim)), np.nan, values)


def _encoder_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return rng.integers(0, 5, N).astype(np.int32), rng.normal(size=N), _slot(rng), _context(rng)


def _one_matrix(layer: StepEncoder, inputs: tuple) -> np.ndarray:
    """Eq. 5 as written: W_embed [x_t, newbie, tau_t, tau_{t-1}] with x_t in full."""
    opposite, rating, slot, context = inputs
    dense = np.zeros((B * T, layer.num_opposite + 1))
    for j, r, s in zip(opposite, rating, slot, strict=True):
        if s >= 0:
            dense[s, j] += r
    stacked = np.concatenate([dense.reshape(B, T, -1), context], axis=2)
    return stacked @ np.concatenate([layer.embedding.numpy(), layer.context_kernel.numpy()])


def _innovation_inputs(ensemble: int) -> Any:
    def inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return rng.normal(size=(N, ensemble)), rng.normal(size=(N, 2 * ensemble)), _slot(rng), _context(rng)

    return inputs


def _innovations(layer: InnovationEncoder, inputs: tuple) -> np.ndarray:
    innovation, vector, slot, context = inputs
    embedded = []
    for member in range(layer.ensemble):
        of_member = vector[:, 2 * member : 2 * member + 2] * np.sqrt(layer.ensemble)
        features = np.zeros((B * T, layer.kernel.shape[1]))
        for s in set(slot[slot >= 0]):
            e, v, root = innovation[slot == s, member], of_member[slot == s], np.sqrt(np.sum(slot == s))
            include_opposite_state = v.sum(0) / root if layer.include_opposite_state else []
            features[s] = [*include_opposite_state, *(e @ v) / root, e.sum() / root, e.mean(), np.log(1 + len(e))]
        embedded.append(features @ layer.kernel.numpy()[member])
    return np.concatenate(embedded, axis=1).reshape(B, T, -1) + context @ layer.context_kernel.numpy()


def _gap(layer: StepContext, inputs: tuple) -> np.ndarray:
    embedded, context = inputs
    newbie, now, before = np.moveaxis(context, 2, 0)
    gap = np.where(newbie > 0, 0, np.log(1 + DAYS * (now - before)))
    return embedded.reshape(B, T, D) + np.stack([newbie, gap], axis=2) @ layer.context_kernel.numpy()


def _emission(layer: RatingEmission, inputs: tuple) -> np.ndarray:
    user_state, item_state, user_factors, item_factors = inputs
    left, right = layer.user_projection.get_weights(), layer.item_projection.get_weights()
    user, item = (_maps(*weights, x) for weights, x in ((left, user_state), (right, item_state)))
    return (user * item).sum(1) / layer.ensemble + (user_factors * item_factors).sum(1)


def _maps(kernel: np.ndarray, bias: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """An affine map, or one a member where the kernel has ensemble."""
    if kernel.ndim == 2:
        return inputs @ kernel + bias
    parts = np.split(inputs, len(kernel), axis=-1)
    return np.concatenate([x @ w for x, w in zip(parts, kernel, strict=True)], axis=-1) + bias


def _member_lstm(layer: EnsembleLSTMCell, inputs: tuple) -> list[np.ndarray]:
    steps, hidden, cell = inputs
    found = np.zeros((2, len(steps), layer.units))
    own, width = layer.units // layer.ensemble, steps.shape[1] // layer.ensemble
    for member, (kernel, recurrent, bias) in enumerate(zip(*layer.get_weights(), strict=True)):
        weights = {"kernel": kernel, "recurrent_kernel": recurrent, "bias": bias}
        of_state, of_steps = (slice(member * size, (member + 1) * size) for size in (own, width))
        for b, step in enumerate(steps):
            found[:, b, of_state] = reference.lstm(step[of_steps], (hidden[b, of_state], cell[b, of_state]), weights)
    return [found[0], *found]


def _factors(layer: StationaryFactors, inputs: tuple) -> np.ndarray:
    (index,) = inputs
    return np.where(index[..., np.newaxis] > 0, layer.table.numpy()[index], 0)


# Cells with equations in NumPy here; those of others are in the tests of their own.
REFERENCES = {"lstm": reference.lstm, "gru": reference.gru, "rnn": reference.rnn}


def _recurrence(tower: StateTower, inputs: tuple) -> tuple[np.ndarray, list[np.ndarray]]:
    steps, mask = inputs
    own = tower.rnn.cell
    if tower.ensemble > 1:
        return _member_recurrence(tower, inputs)
    cell = REFERENCES[tower.cell]
    weights = {name: getattr(own, name).numpy() for name in ("kernel", "recurrent_kernel", "bias")}
    states = np.full((B, T, tower.units), np.nan)
    final = [np.zeros((B, tower.units)) for _ in range(2)]
    for b in range(B):
        carry = np.zeros(tower.units), np.zeros(tower.units)
        for t in range(mask[b].sum()):
            carry = cell(steps[b, t], carry, weights)
            states[b, t] = carry[0]
        for part, values in zip(final, carry, strict=True):
            part[b] = values
    return states, final if tower.cell == "lstm" else final[:1]


def _member_recurrence(tower: StateTower, inputs: tuple) -> tuple[np.ndarray, list[np.ndarray]]:
    steps, mask = inputs
    states, final = np.full((B, T, tower.units), np.nan), np.zeros((2, B, tower.units))
    for b in range(B):
        for t in range(mask[b].sum()):
            _, *after = _member_lstm(tower.rnn.cell, (steps[b, t : t + 1], *final[:, b : b + 1]))
            final[:, b : b + 1] = after
            states[b, t] = final[0, b]
    return states, list(final)


def _tower(cell: str, return_state: bool, ensemble: int = 1) -> Case:
    def call(tower: StateTower, inputs: tuple) -> Any:
        return tower(inputs[0], mask=inputs[1], return_state=return_state)

    return Case(
        lambda **kwargs: StateTower(2 * ensemble, cell, ensemble, **kwargs),
        lambda rng: (rng.normal(size=(B, T, D * ensemble)), np.arange(T) < LENGTHS[:, np.newaxis]),
        lambda tower, inputs: _recurrence(tower, inputs)[slice(None) if return_state else 0],
        call,
        lambda inputs: (_nan_where(~inputs[1], inputs[0]), inputs[1]),
    )


def _collaborative(make: Any) -> Case:
    def inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        item = rng.integers(1, 5, (B, T)) * (np.arange(T) < LENGTHS[:, np.newaxis])
        return rng.integers(1, 4, B).astype(np.int32), item.astype(np.int32), rng.normal(size=(B, 2))

    return Case(
        make,
        inputs,
        lambda cell, inputs: collaborative_reference.states_of(cell, *inputs),
        lambda cell, inputs: cell(inputs[:2], initial_state=inputs[2]),
    )


def _past(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Items and times of three events that may be looked back upon, one before these, and T more; some have no past."""
    item, time = rng.integers(1, 4, (B, 4 + T)), np.sort(rng.integers(0, 200_000, (B, 4 + T)), axis=1)
    absent = np.arange(4 + T) < np.array([0, 2, 5])[:, np.newaxis]
    return np.where(absent, 0, item).astype(np.int32), np.where(absent, 0, time)


def _target(rng: np.random.Generator) -> np.ndarray:
    return np.append(rng.integers(1, 6, N - 2), [0, 5]).astype(np.int32)


def _counted(layer: HistoryCopy) -> np.ndarray:
    """The kernel, 0 in columns of parts that are left out."""
    columns = {"recency": [0, 1, 2, 6], "hour": [3], "week": [4], "context": [5]}
    kernel = layer.kernel.numpy().copy()
    for part in layer.without:
        kernel[:, columns[part]] = 0
    return kernel


CASES = {
    "CollaborativeGRUCell": _collaborative(lambda **kwargs: CollaborativeGRUCell(3, 4, 2, **kwargs)),
    "CollaborativeGRUCell-shared": _collaborative(
        lambda **kwargs: CollaborativeGRUCell(3, 4, 2, "tanh", "shared", **kwargs)
    ),
    "CollaborativeGRUCell-low-rank": _collaborative(
        lambda **kwargs: CollaborativeGRUCell(3, 4, 2, "tanh", "low-rank", 1, **kwargs)
    ),
    "CollaborativeSimpleRNNCell": _collaborative(lambda **kwargs: CollaborativeSimpleRNNCell(3, 4, 2, **kwargs)),
    "CollaborativeSimpleRNNCell-shared": _collaborative(
        lambda **kwargs: CollaborativeSimpleRNNCell(3, 4, 2, "shared", **kwargs)
    ),
    "ItemSoftmax": Case(
        lambda **kwargs: ItemSoftmax(5, 3, **kwargs),
        lambda rng: (rng.normal(size=(N, 3)), _target(rng)),
        lambda layer, inputs: collaborative_reference.log_likelihoods(*inputs, layer.kernel.numpy()),
        poison=lambda inputs: (_nan_where(inputs[1] == 0, inputs[0]), inputs[1]),
    ),
    **{
        name: Case(
            partial(HistoryCopy, 2, 3, clock, without),
            lambda rng: (
                rng.integers(1, 4, (B, 4 + T)).astype(np.int32),
                np.sort(rng.integers(0, 200_000, (B, 4 + T)), axis=1),
            ),
            lambda layer, inputs: collaborative_reference.copied(
                *inputs, 5 * _counted(layer), layer.window, layer.clock
            ),
        )
        for name, clock, without in (
            ("HistoryCopy", True, ()),
            ("HistoryCopy-order", False, ()),
            ("HistoryCopy-without", True, ("recency", "week")),
        )
    },
    **{
        name: Case(
            partial(HistoryAttention, 2, 2, 3, 2, clock),
            lambda rng: (*_past(rng), rng.normal(size=(B, 4 + T, 2))),
            lambda layer, inputs: collaborative_reference.attended(
                *inputs,
                5 * layer.recency.kernel.numpy(),
                *(x.numpy() for x in (layer.queries, layer.keys, layer.outputs)),
                layer.window,
                layer.clock,
            ),
            poison=lambda inputs: (*inputs[:2], _nan_where(inputs[0] == 0, inputs[2])),
        )
        for name, clock in (("HistoryAttention", True), ("HistoryAttention-order", False))
    },
    "MixtureGate": Case(
        lambda **kwargs: MixtureGate(3, **kwargs),
        lambda rng: (rng.normal(size=(N, 2)), rng.normal(size=(N, 4)), rng.normal(size=(N, 3))),
        lambda layer, inputs: collaborative_reference.shares(
            *inputs, tuple(x.numpy() for x in (layer.of_features, layer.of_states, layer.bias))
        ),
    ),
    "StepEncoder": Case(
        lambda **kwargs: StepEncoder(4, D, **kwargs),
        _encoder_inputs,
        _one_matrix,
        poison=lambda inputs: (inputs[0], _nan_where(inputs[2] < 0, inputs[1]), *inputs[2:]),
    ),
    **{
        name: Case(
            partial(InnovationEncoder, 2 * ensemble, D, include_opposite_state, ensemble),
            _innovation_inputs(ensemble),
            _innovations,
            poison=lambda inputs: (*(_nan_where(inputs[2] < 0, x) for x in inputs[:2]), *inputs[2:]),
        )
        for name, include_opposite_state, ensemble in (
            ("InnovationEncoder", False, 1),
            ("InnovationEncoder-include_opposite_state", True, 1),
            ("InnovationEncoder-ensemble", True, 2),
        )
    },
    "EnsembleDense": Case(
        lambda **kwargs: EnsembleDense(6, 2, **kwargs),
        lambda rng: (rng.normal(size=(B, T, 4)),),
        lambda layer, inputs: _maps(*layer.get_weights(), *inputs) / np.sqrt(2),
    ),
    "EnsembleLSTMCell": Case(
        lambda **kwargs: EnsembleLSTMCell(6, 2, **kwargs),
        lambda rng: (rng.normal(size=(B, 4)), rng.normal(size=(B, 6)), rng.normal(size=(B, 6))),
        _member_lstm,
        lambda cell, inputs: cell(inputs[0], list(inputs[1:])),
    ),
    "StepContext": Case(
        lambda **kwargs: StepContext(D, time_feature="delta", time_scale=DAYS, **kwargs),
        lambda rng: (rng.normal(size=(B * T, D)), _context(rng)),
        _gap,
    ),
    "StationaryFactors": Case(
        lambda **kwargs: StationaryFactors(4, 3, **kwargs),
        lambda rng: (rng.integers(0, 5, (B, T)).astype(np.int32),),
        _factors,
    ),
    "RatingEmission": Case(
        lambda **kwargs: RatingEmission(3, **kwargs),
        lambda rng: tuple(rng.normal(size=(4, width)) for width in (3, 3, 2, 2)),
        _emission,
    ),
    "RatingEmission-ensemble": Case(
        lambda **kwargs: RatingEmission(6, 2, **kwargs),
        lambda rng: tuple(rng.normal(size=(4, width)) for width in (4, 4, 2, 2)),
        _emission,
    ),
    "StateTower-ensemble": _tower("lstm", return_state=True, ensemble=2),
    **{f"StateTower-{cell}": _tower(cell, return_state=False) for cell in REFERENCES},
    **{f"StateTower-{cell}-final": _tower(cell, return_state=True) for cell in REFERENCES},
}
