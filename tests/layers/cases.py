"""Every public layer with inputs and an independent computation, for the shared contract."""

from __future__ import annotations

from typing import Any

import numpy as np

from rrn_tf.layers import (
    CollaborativeGRUCell,
    CollaborativeSimpleRNNCell,
    InnovationEncoder,
    ItemSoftmax,
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


def _innovation_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return rng.normal(size=N), rng.normal(size=(N, 2)), _slot(rng), _context(rng)


def _innovations(layer: InnovationEncoder, inputs: tuple) -> np.ndarray:
    innovation, vector, slot, context = inputs
    features = np.zeros((B * T, layer.vector_units + 3))
    for s in set(slot[slot >= 0]):
        e, v = innovation[slot == s], vector[slot == s]
        features[s] = [*(e @ v) / np.sqrt(len(e)), e.sum() / np.sqrt(len(e)), e.mean(), np.log(1 + len(e))]
    return (features @ layer.kernel.numpy()[0]).reshape(B, T, -1) + context @ layer.context_kernel.numpy()


def _gap(layer: StepContext, inputs: tuple) -> np.ndarray:
    embedded, context = inputs
    newbie, now, before = np.moveaxis(context, 2, 0)
    gap = np.where(newbie > 0, 0, np.log(1 + DAYS * (now - before)))
    return embedded.reshape(B, T, D) + np.stack([newbie, gap], axis=2) @ layer.context_kernel.numpy()


def _emission(layer: RatingEmission, inputs: tuple) -> np.ndarray:
    user_state, item_state, user_factors, item_factors = inputs
    user_kernel, user_bias = layer.user_projection.get_weights()
    item_kernel, item_bias = layer.item_projection.get_weights()
    dynamic = (user_state @ user_kernel + user_bias) * (item_state @ item_kernel + item_bias)
    return dynamic.sum(1) + (user_factors * item_factors).sum(1)


def _factors(layer: StationaryFactors, inputs: tuple) -> np.ndarray:
    (index,) = inputs
    return np.where(index[..., np.newaxis] > 0, layer.table.numpy()[index], 0)


def _recurrence(tower: StateTower, inputs: tuple) -> tuple[np.ndarray, list[np.ndarray]]:
    steps, mask = inputs
    cell, own = getattr(reference, tower.cell), tower.rnn.cell
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


def _tower(cell: str, return_state: bool) -> Case:
    def call(tower: StateTower, inputs: tuple) -> Any:
        return tower(inputs[0], mask=inputs[1], return_state=return_state)

    return Case(
        lambda **kwargs: StateTower(2, cell, **kwargs),
        lambda rng: (rng.normal(size=(B, T, D)), np.arange(T) < LENGTHS[:, np.newaxis]),
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


def _target(rng: np.random.Generator) -> np.ndarray:
    return np.append(rng.integers(1, 6, N - 2), [0, 5]).astype(np.int32)


CASES = {
    "CollaborativeGRUCell": _collaborative(lambda **kwargs: CollaborativeGRUCell(3, 4, 2, **kwargs)),
    "CollaborativeGRUCell-pooled": _collaborative(
        lambda **kwargs: CollaborativeGRUCell(3, 4, 2, "tanh", pooled=True, **kwargs)
    ),
    "CollaborativeSimpleRNNCell": _collaborative(lambda **kwargs: CollaborativeSimpleRNNCell(3, 4, 2, **kwargs)),
    "CollaborativeSimpleRNNCell-pooled": _collaborative(
        lambda **kwargs: CollaborativeSimpleRNNCell(3, 4, 2, pooled=True, **kwargs)
    ),
    "ItemSoftmax": Case(
        lambda **kwargs: ItemSoftmax(5, 3, **kwargs),
        lambda rng: (rng.normal(size=(N, 3)), _target(rng)),
        lambda layer, inputs: collaborative_reference.log_likelihoods(*inputs, layer.kernel.numpy()),
        poison=lambda inputs: (_nan_where(inputs[1] == 0, inputs[0]), inputs[1]),
    ),
    "StepEncoder": Case(
        lambda **kwargs: StepEncoder(4, D, **kwargs),
        _encoder_inputs,
        _one_matrix,
        poison=lambda inputs: (inputs[0], _nan_where(inputs[2] < 0, inputs[1]), *inputs[2:]),
    ),
    "InnovationEncoder": Case(
        lambda **kwargs: InnovationEncoder(2, D, **kwargs),
        _innovation_inputs,
        _innovations,
        poison=lambda inputs: (*(_nan_where(inputs[2] < 0, x) for x in inputs[:2]), *inputs[2:]),
    ),
    "StepContext": Case(
        lambda **kwargs: StepContext(D, clock="gap", time_scale=DAYS, **kwargs),
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
    **{f"StateTower-{cell}": _tower(cell, return_state=False) for cell in ("lstm", "gru", "rnn")},
    **{f"StateTower-{cell}-final": _tower(cell, return_state=True) for cell in ("lstm", "gru", "rnn")},
}
