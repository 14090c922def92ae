"""RRN's forward pass in slow, obvious numpy: an independent reading of Eqs. 1 to 8.

Shares no code with `rrn_tf`. Everything is double precision and one entity at a time. The whole
protocol is one rule: a query at time t may use, on each side, the revealed ratings of that side's
entity in rows before the one that a rating at time t would be in. A row is a step of time and, where steps
end by count too, a level: of the number of the entity's earlier ratings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SideName = Literal["user", "item"]
Protocol = Literal["frozen", "streaming"]
Key = tuple[int, int]  # step of time and level
OTHER: dict[SideName, SideName] = {"user": "item", "item": "user"}
TRAIN = 0


@dataclass(frozen=True)
class Ratings:
    """N ratings: entity indices from 1, ratings, unix seconds and split codes (0 is training)."""

    user: Any
    item: Any
    rating: Any
    timestamp: Any
    split: Any


@dataclass(frozen=True)
class Clock:
    """Step lengths, their common origin, and the scaling of the wallclock, in seconds; steps by count."""

    cutoff: int
    user_granularity: int
    item_granularity: int
    mean: float
    std: float
    per_doubling: int = 0

    def granularity(self, side: SideName) -> int:
        return {"user": self.user_granularity, "item": self.item_granularity}[side]

    def step(self, side: SideName, timestamp: int) -> int:
        return int((int(timestamp) - self.cutoff) // self.granularity(side))

    def tau(self, side: SideName, step: int) -> float:
        """Scaled wallclock of the start of a step."""
        return (self.cutoff + step * self.granularity(side) - self.mean) / self.std


class ReferenceRRN:
    """The model for a fixed set of ratings.

    Args:
      ratings: everything that was ever rated; the protocol decides what is seen of it.
      clock: steps and wallclock.
      weights: by side, ``embedding [opposite + 1, d]``, ``context_kernel [3, d]`` (newbie,
        wallclock, previous wallclock), the cell's ``kernel``, ``recurrent_kernel`` and ``bias`` in
        Keras's order of gates, ``projection_kernel [units, dynamic]``, ``projection_bias`` and
        ``factors [entities + 1, k]``. Entities beyond a table use its row 0.
      cell: "lstm", "gru" or "rnn".
      inputs: "ratings" (Eq. 5) or "innovations": then there is no ``embedding`` but ``kernel_in [dynamic + 3, d]``, or
        ``[2 dynamic + 3, d]`` where whose they are counts too.
      factor_scale: (mean, noise, drift of trained entities, of new ones, user priors, item priors) of Bayesian factors;
        `weights` then have, of each entity after training, ``mean``, ``variance`` and ``set_sum``, all ``[entities + 1,
        w]``, ``set_count [entities + 1]`` and ``set_vectors [opposite + 1, w]``; the last of w numbers is a bias.
      part_weights: of the network, of the Bayesian factors, and a constant: of users without ratings since training,
        and of those with some.
      gaps: the context is the newbie flag and the logarithm of the days since the step before (2 rows of the kernel).
    """

    def __init__(
        self,
        ratings: Ratings,
        clock: Clock,
        weights: Mapping[str, Mapping[str, Any]],
        cell: str = "lstm",
        inputs: str = "ratings",
        gaps: bool = False,
        factor_scale: tuple[float, float, float, float, Any, Any] | None = None,
        part_weights: tuple[Any, Any] = ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
    ) -> None:
        self.ratings = ratings
        self.clock = clock
        self.weights = {
            side: {name: np.asarray(value, np.float64) for name, value in tensors.items()}
            for side, tensors in weights.items()
        }
        self.cell = {"lstm": lstm, "gru": gru, "rnn": rnn}[cell]
        self.inputs, self.gaps = inputs, gaps
        self.factor_scale, self.part_weights = factor_scale, part_weights
        self.known: dict[tuple[str, int, Key, str], Array] = {}
        self.believed: dict[tuple[str, int, int, str], tuple[Array, Array, Array, int]] = {}

    def key(self, side: SideName, entity: int, timestamp: int) -> Key:
        """Step and level of an entity's ratings at a time; c earlier ones give level 1 + floor(s log2 c)."""
        theirs = np.asarray(getattr(self.ratings, side)) == entity
        earlier = int((np.asarray(self.ratings.timestamp)[theirs] < timestamp).sum())
        level = (earlier**self.clock.per_doubling).bit_length() if self.clock.per_doubling else 0
        return self.clock.step(side, timestamp), level

    def history(
        self, side: SideName, entity: int, before: Key, protocol: Protocol
    ) -> list[tuple[Key, list[tuple[int, float, int]]]]:
        """Rows of an entity before another: (key, [(opposite entity, rating, timestamp), ...]) in order."""
        ours, theirs = getattr(self.ratings, side), getattr(self.ratings, OTHER[side])
        rows = defaultdict(list)
        for n in np.flatnonzero(np.asarray(ours) == entity):
            revealed = protocol == "streaming" or self.ratings.split[n] == TRAIN
            key = self.key(side, entity, self.ratings.timestamp[n])
            if revealed and key < before:
                rows[key].append((int(theirs[n]), float(self.ratings.rating[n]), int(self.ratings.timestamp[n])))
        return sorted(rows.items())

    def embedding(
        self,
        side: SideName,
        entity: int,
        last: tuple[Key, list[tuple[int, float, int]]] | None,
        step: int,
        protocol: Protocol,
    ) -> Array:
        """Eq. 5: y of a step, given the last non-empty step before it (None for a newbie)."""
        weights = self.weights[side]
        newbie = 1.0 if last is None else 0.0
        previous_tau = 0.0 if last is None else self.clock.tau(side, last[0][0])
        context = [newbie, self.clock.tau(side, step), previous_tau]
        if self.gaps:
            days = 0 if last is None else (step - last[0][0]) * self.clock.granularity(side) / 86_400
            context = [newbie, np.log1p(days)]
        y = np.array(context) @ weights["context_kernel"]
        ratings = [] if last is None else last[1]
        if self.inputs == "innovations":
            return y + self.innovations(side, entity, ratings, protocol) @ weights["kernel_in"]
        for opposite, rating, _ in ratings:
            y = y + rating * row(weights["embedding"], opposite)
        return y

    def innovations(
        self, side: SideName, entity: int, ratings: list[tuple[int, float, int]], protocol: Protocol
    ) -> Array:
        """What ratings say beyond what was predicted of an entity at rest.

        [v / sqrt n, if the kernel has rows for it, e v / sqrt n, e / sqrt n, mean e, log (1 + n)], v and e v summed.
        """
        weights, others, n = self.weights[side], self.weights[OTHER[side]], max(len(ratings), 1)
        total, vectors = 0.0, np.zeros(weights["projection_bias"].shape)
        include_opposite_state = np.zeros(len(weights["kernel_in"]) - len(vectors) - 3)
        for opposite, rating, timestamp in ratings:
            v = self.projected_state(OTHER[side], opposite, timestamp, protocol)
            expected = v @ weights["projection_bias"] + row(weights["factors"], entity) @ row(
                others["factors"], opposite
            )
            total, vectors = total + (rating - expected), vectors + (rating - expected) * v
            include_opposite_state = include_opposite_state + v[: len(include_opposite_state)]
        return np.array(
            [
                *include_opposite_state / np.sqrt(n),
                *vectors / np.sqrt(n),
                total / np.sqrt(n),
                total / n,
                np.log1p(len(ratings)),
            ]
        )

    def state(self, side: SideName, entity: int, timestamp: int, protocol: Protocol) -> Array:
        """Eq. 6: u of the query's own step, float[units]."""
        weights = self.weights[side]
        units = weights["recurrent_kernel"].shape[0]
        carry = (np.zeros(units), np.zeros(units))
        query = self.key(side, entity, timestamp)
        last = None
        for step_row in self.history(side, entity, query, protocol):
            carry = self.cell(self.embedding(side, entity, last, step_row[0][0], protocol), carry, weights)
            last = step_row
        return self.cell(self.embedding(side, entity, last, query[0], protocol), carry, weights)[0]

    def projected_state(self, side: SideName, entity: int, timestamp: int, protocol: Protocol) -> Array:
        """u~ or m~ of Eq. 7, float[dynamic]."""
        weights = self.weights[side]
        key = (side, entity, self.key(side, entity, timestamp), protocol)
        if key not in self.known:
            state = self.state(side, entity, timestamp, protocol)
            self.known[key] = state @ weights["projection_kernel"] + weights["projection_bias"]
        return self.known[key]

    def predict(self, user: int, item: int, timestamp: int, protocol: Protocol = "frozen") -> float:
        """Eq. 7: the rating of one query."""
        dynamic = self.projected_state("user", user, timestamp, protocol) @ self.projected_state(
            "item", item, timestamp, protocol
        )
        stationary = row(self.weights["user"]["factors"], user) @ row(self.weights["item"]["factors"], item)
        times = np.asarray(self.ratings.timestamp)[np.asarray(self.ratings.user) == user]
        moved = protocol == "streaming" and ((times >= self.clock.cutoff) & (times < timestamp)).any()
        network, factors, constant = self.part_weights[int(moved)]
        bayesian = factors * self.bayesian(user, item, timestamp, protocol) if self.factor_scale else 0.0
        return float(network * (dynamic + stationary) + bayesian + constant)

    def bayesian(self, user: int, item: int, timestamp: int, protocol: Protocol) -> float:
        """What the Bayesian factors say: a rating of two entities who stand at factors and biases."""
        p, q = (self.standing(side, e, timestamp, protocol)[0] for side, e in (("user", user), ("item", item)))
        return float(self.factor_scale[0] + p[-1] + q[-1] + p[:-1] @ q[:-1])

    def standing(self, side: SideName, entity: int, timestamp: int, protocol: Protocol) -> tuple[Array, Array]:
        """Where an entity stands at a time, and the variance of its own part."""
        mean, variance, met, count = self.belief(side, entity, timestamp, protocol)
        return mean + met / np.sqrt(max(count, 1)), variance

    def belief(
        self, side: SideName, entity: int, timestamp: int, protocol: Protocol
    ) -> tuple[Array, Array, Array, int]:
        """A Kalman filter over an entity's later ratings of strictly earlier seconds, all of one second at once."""
        later = timestamp if protocol == "streaming" else min(timestamp, self.clock.cutoff)
        key = (side, entity, later, protocol)
        if key in self.believed:
            return self.believed[key]
        _, noise, drift, new_drift, *priors = self.factor_scale
        prior = np.array(priors[0 if side == "user" else 1])
        own, weights = ("mean", "variance", "set_sum", "set_count"), self.weights[side]
        mean, variance, met, count = np.zeros_like(prior), prior, np.zeros_like(prior), 0
        if entity < len(weights["mean"]):
            mean, variance, met, count = (weights[name][entity] for name in own)
        ours, theirs, times = (np.asarray(getattr(self.ratings, n)) for n in (side, OTHER[side], "timestamp"))
        seen = (ours == entity) & (times >= self.clock.cutoff) & (times < later)
        for second in np.unique(times[seen]):
            here = mean + met / np.sqrt(max(count, 1))
            information, information_vector, entered = np.diag(1 / variance), np.zeros_like(mean), np.zeros_like(mean)
            rows = np.flatnonzero(seen & (times == second))
            for n in rows:
                there, variance_sum = self.standing(OTHER[side], int(theirs[n]), int(second), protocol)
                v = np.append(there[:-1], 1.0)
                x = 1 / (noise + variance_sum[:-1] @ (here[:-1] ** 2 + variance[:-1]) + variance_sum[-1])
                error = self.ratings.rating[n] - self.factor_scale[0] - there[-1] - here @ v
                information, information_vector = information + x * np.outer(v, v), information_vector + x * error * v
                entered = entered + weights["set_vectors"][theirs[n] if theirs[n] < len(weights["set_vectors"]) else 0]
            covariance = np.linalg.inv(information)
            mean = mean + covariance @ information_vector
            variance = np.minimum(
                np.diag(covariance) + (drift if entity < len(weights["mean"]) else new_drift) * len(rows) * prior, prior
            )
            met, count = met + entered, count + len(rows)
        self.believed[key] = mean, variance, met, count
        return self.believed[key]

    def predict_all(self, protocol: Protocol = "frozen") -> Array:
        """Eq. 7 for each of the ratings, float[N]."""
        r = self.ratings
        self.known.clear()
        self.believed.clear()
        return np.array(
            [
                self.predict(int(u), int(i), int(t), protocol)
                for u, i, t in zip(r.user, r.item, r.timestamp, strict=True)
            ]
        )

    def training_loss(self) -> float:
        """Eq. 8 without the regulariser: the sum of squared errors of the training ratings."""
        errors = (np.asarray(self.ratings.rating, np.float64) - self.predict_all("frozen")) ** 2
        return float(errors[np.asarray(self.ratings.split) == TRAIN].sum())


def weights_of(model: Any, member: int = 0) -> dict[str, dict[str, Array]]:
    """The weights of an `rrn_tf.models.rrn.RRN`, or of one member, under the names that `ReferenceRRN` takes."""
    from rrn_tf.features import SIDES

    weights = {}
    for side in SIDES:
        encoder, cell, projection = model.encoder(side), model.tower(side).rnn.cell, model.projection(side)
        own = {
            "context_kernel": np.split(encoder.context_kernel.numpy(), model.emission.ensemble, axis=1)[member],
            "projection_bias": np.split(projection.bias.numpy(), model.emission.ensemble)[member],
            "factors": model.factors(side).table.numpy(),
        }
        if model.bayesian_factors:
            own |= zip(("mean", "variance", "set_sum", "set_count"), model.trained_beliefs(side), strict=False)
            own["set_vectors"] = model.set_vectors(side)
        if model.inputs == "innovations":
            own["kernel_in"] = encoder.kernel.numpy()[member]
        else:
            own["embedding"] = np.split(encoder.embedding.numpy(), model.emission.ensemble, axis=1)[member]
        stacked = {"kernel": cell.kernel, "recurrent_kernel": cell.recurrent_kernel, "bias": cell.bias}
        for name, tensor in {**stacked, "projection_kernel": projection.kernel}.items():
            own[name] = tensor.numpy()[member] if model.emission.ensemble > 1 else tensor.numpy()
        weights[side.value] = {name: np.asarray(values, np.float64) for name, values in own.items()}
    return weights


def row(table: Array, index: int) -> Array:
    """A row of a table; row 0 stands for whoever is not in it."""
    return table[index] if index < len(table) else table[0]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def lstm(y: Array, carry: tuple[Array, Array], weights: Mapping[str, Array]) -> tuple[Array, Array]:
    """Eqs. 1 to 4 for (h, c); gates in the order i, f, c, o."""
    h, c = carry
    z = y @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"]
    i, f, candidate, o = np.split(z, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
    return sigmoid(o) * np.tanh(c), c


def gru(y: Array, carry: tuple[Array, Array], weights: Mapping[str, Array]) -> tuple[Array, Array]:
    """Keras's GRU with reset_after: gates in the order z, r, h; bias [2, 3 units] (input, recurrent)."""
    h, unused = carry
    y_z, y_r, y_h = np.split(y @ weights["kernel"] + weights["bias"][0], 3)
    h_z, h_r, h_h = np.split(h @ weights["recurrent_kernel"] + weights["bias"][1], 3)
    z, r = sigmoid(y_z + h_z), sigmoid(y_r + h_r)
    return z * h + (1 - z) * np.tanh(y_h + r * h_h), unused


def rnn(y: Array, carry: tuple[Array, Array], weights: Mapping[str, Array]) -> tuple[Array, Array]:
    """Keras's SimpleRNN: tanh(y K + h R + b)."""
    h, unused = carry
    return np.tanh(y @ weights["kernel"] + h @ weights["recurrent_kernel"] + weights["bias"]), unused
