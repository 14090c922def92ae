"""The Collaborative RNN in slow, obvious numpy: one user and one event at a time, in double precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.reference import Array, sigmoid

ACTIVATIONS = {"sigmoid": sigmoid, "tanh": np.tanh}


def gru(h: Array, e_g: Array, e_c: Array, u_g: Array, u_c: Array, activation: str) -> Array:
    """One step of the GRU for one user."""
    r, z = np.split(sigmoid(h @ u_g + e_g), 2)
    c = ACTIVATIONS[activation]((r * h) @ u_c + e_c)
    return z * h + (1 - z) * c


def rnn(h: Array, e: Array, u: Array) -> Array:
    """One step of the plain recurrent network for one user."""
    return np.tanh(h @ u + e)


def states_of(cell: Any, user: Array, item: Array, state: Array) -> Array:
    """States [B, T, units] of a layer's weights; where the item is 0 the state stays."""
    weights = [[np.asarray(v.numpy(), np.float64) for v in part] for part in (cell.recurrent, cell.embedding)]
    states = np.zeros((*item.shape, cell.units))
    for b in range(len(user)):
        matrices = [u[user[b]] if cell.form == "personal" else u for u in weights[0]]
        if cell.form == "low-rank":
            own = zip(cell.left, cell.right, strict=True)
            matrices = [u + a.numpy()[user[b]] @ c.numpy() for u, (a, c) in zip(matrices, own, strict=True)]
        h = state[b]
        for t, x in enumerate(item[b]):
            if x:
                embedded = [e[x] for e in weights[1]]
                if hasattr(cell, "activation"):
                    h = gru(h, *embedded, *matrices, cell.activation)
                else:
                    h = rnn(h, *embedded, *matrices)
            states[b, t] = h
    return states


def log_probabilities(h: Array, kernel: Array) -> Array:
    """Of all items after the state h, the first with index 1."""
    logits = h @ kernel
    return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


def log_likelihoods(states: Array, target: Array, kernel: Array) -> Array:
    """Of the targets [N] after the states [N, units]; 0 where the target is 0."""
    return np.array([log_probabilities(h, kernel)[y - 1] if y else 0.0 for h, y in zip(states, target, strict=True)])


def log_weight(item: Array, time: Array, now: int, past: int, kernel: Array, clock: bool) -> float:
    """Of one user's past event at another one, in a head of `HistoryCopy` with the kernel float[7]."""
    age, hours = now - past, max(time[now] - time[past], 0) / 3600
    turns = [np.cos(2 * np.pi * hours / span) - 1 for span in (24, 168)]
    same = float(item[past - 1] == item[now - 1] > 0)
    of_time = [np.log1p(hours), *turns] if clock else [0.0] * 3
    return float(kernel @ [np.log(age), age / 50, *of_time, same, hours / 720 * clock])


def copied(item: Array, time: Array, kernel: Array, window: int, clock: bool) -> Array:
    """What `HistoryCopy` says, event by event; `kernel` float[heads, 7] is that of log-weights."""
    steps = item.shape[1] - window - 1
    found = np.full((len(item), steps, len(kernel)), -1e9)
    for b, t, k in np.ndindex(found.shape):
        now = window + 1 + t
        mass, hit = 0.0, 0.0
        for past in range(now - window, now):
            if item[b, past]:
                weight = np.exp(log_weight(item[b], time[b], now, past, kernel[k], clock))
                mass, hit = mass + weight, hit + weight * (item[b, past] == item[b, now])
        if mass:
            found[b, t, k] = np.log(hit / mass) if hit else -100
    return found


def attended(
    item: Array,
    time: Array,
    vectors: Array,
    kernel: Array,
    queries: Array,
    keys: Array,
    outputs: Array,
    window: int,
    clock: bool,
) -> Array:
    """What `HistoryAttention` says, event by event; `kernel` is as that of `copied`."""
    steps, width = item.shape[1] - window - 1, queries.shape[2]
    found = np.zeros((len(item), steps, vectors.shape[2]))
    vectors = np.where(item[:, :, np.newaxis] > 0, 5 * vectors, 0)
    for b, t, k in np.ndindex(len(item), steps, len(kernel)):
        now = window + 1 + t
        mass, met = 0.0, np.zeros(vectors.shape[2])
        for past in range(now - window, now):
            if item[b, past]:
                alike = (vectors[b, now - 1] @ queries[k]) @ (vectors[b, past - 1] @ keys[k]) / np.sqrt(width)
                weight = np.exp(log_weight(item[b], time[b], now, past, kernel[k], clock) + alike)
                mass, met = mass + weight, met + weight * vectors[b, past]
        if mass:
            found[b, t] += met / mass @ outputs[k]
    return found


def shares(features: Array, states: Array, found: Array, weights: tuple[Array, Array, Array]) -> Array:
    """What `MixtureGate` says of rows; weights of features, of states, and biases."""
    of_features, of_states, bias = weights
    logits = 5 * (features @ of_features + bias) + states @ of_states
    mass = np.where(found > -1e8, np.exp(logits), 0)
    return np.where(found > -1e8, logits - np.log(mass.sum(axis=1, keepdims=True)), -1e9)


def lazy_rmsprop(
    start: Array, gradients: list[dict[int, Array]], rate: float, rho: float, epsilon: float, clip: float = 0.0
) -> Array:
    """RMSprop on the touched rows alone, with epsilon inside the root and mean squares that start from 0."""
    value, square = start.astype(np.float64), np.zeros(start.shape)
    for touched in gradients:
        for row, g in touched.items():
            clipped = np.clip(g, -clip, clip) if clip else g
            square[row] = rho * square[row] + (1 - rho) * clipped**2
            value[row] -= rate * clipped / np.sqrt(square[row] + epsilon)
    return value
