"""Configuration: frozen, validated dataclasses; YAML is used only to read and write them.

`Config` holds every setting that affects a result. `load_config` merges the default, a preset or YAML
file and ``a.b=c`` overrides; `dump_config` writes the resolved values, which are stored with every run.
"""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic
import yaml
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass
from typing_extensions import TypeVar

from rrn_tf.data_format import DataFormat
from rrn_tf.files import write_whole
from rrn_tf.setting_files import ConfigError as ConfigError  # noqa: PLC0414 - raised by this module
from rrn_tf.setting_files import parse_yaml, read_yaml, short
from rrn_tf.setting_names import did_you_mean, no_such_setting
from rrn_tf.times import parse_time

PRESETS = Path(__file__).parent / "presets"
# Read from the folder: importing the modules would import TensorFlow.
_CELL_FILES = (Path(__file__).parent / "layers" / "cells").glob("*.py")
CELLS = tuple(sorted(file.stem for file in _CELL_FILES if file.stem != "__init__"))
RRN_PLUS = "rrn-plus"  # preset that commands train on ratings by default
CRNN_PLUS = "crnn-plus"  # preset that commands train on events by default
_OTHER_NAMES = {"rrn-plus-streaming": RRN_PLUS}  # former names of presets

# Renamed settings of a rating model: the former name, the present name, and present values by former values.
RENAMED_MODEL_SETTINGS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("implicit", "include_opposite_state", {}),
    ("members", "ensemble", {}),
    ("clock", "time_feature", {"gap": "delta"}),
)

STRICT = pydantic.ConfigDict(extra="forbid", validate_default=True, coerce_numbers_to_str=True)
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 2_629_800, "y": 31_557_600}


class RenamedSettingWarning(FutureWarning):
    """A setting was given by its former name; the message contains the present name."""


def parse_duration(text: str) -> int:
    """Converts a duration such as ``30min``, ``1d``, ``7d`` or ``2mo`` to seconds (a month is 30.4375 days)."""
    match = re.fullmatch(r"\s*(\d+)\s*(s|min|h|d|w|mo|y)\s*", text)
    if not match or int(match[1]) == 0:
        raise ValueError(f"expected a duration such as 30min, 1d, 7d or 2mo, found {text!r}")
    return int(match[1]) * _SECONDS[match[2]]


@dataclass(frozen=True, config=STRICT)
class SplitConfig:
    """The global time split.

    Attributes:
      train_fraction: the cutoff is one second after the rating at this quantile of time (used
        without `cutoff`); all ratings with one timestamp fall on the same side.
      cutoff: a time as of `rrn_tf.times.parse_time`; earlier ratings are training ratings.
      seed: of the hash of each rating that halves the later ratings into validation and test.
      drop_unseen: whether, as in the paper, later ratings of users or items without a training rating
        are left out of validation and test (they become `valid_cold` and `test_cold`).
    """

    train_fraction: float = Field(default=0.8, gt=0, lt=1)
    cutoff: str | None = None
    seed: int = Field(default=0, ge=0, lt=2**32)
    drop_unseen: bool = True

    def __post_init__(self) -> None:
        if self.cutoff is not None:
            parse_time(self.cutoff)

    @property
    def cutoff_seconds(self) -> int | None:
        return None if self.cutoff is None else parse_time(self.cutoff)


@dataclass(frozen=True, config=STRICT)
class DataConfig:
    """How ratings become sequences.

    Attributes:
      split: the time split.
      user_granularity, item_granularity: length of a time step on each side (Section 4.2 of the
        paper uses 1 day / 7 days for Netflix 6 months and 2 months for IMDb and full Netflix).
      steps_per_doubling: steps end by count as well: within a time step, a user or item gets this many steps whenever
        its number of ratings so far doubles, so that states can react within a single session; 0 for one step per
        time step, as in the paper.
      format: how the input files are to be read, where that is not recognised (`rrn_tf.data_format`).
      max_bad_share: a run fails if a larger fraction of the rows of its input files is rejected.
      shards: number of output files per side, and of groups processed in parallel.
    """

    split: SplitConfig = Field(default_factory=SplitConfig)
    user_granularity: str = "1d"
    item_granularity: str = "7d"
    steps_per_doubling: int = Field(default=0, ge=0, le=16)
    format: DataFormat = Field(default_factory=DataFormat)
    max_bad_share: float = Field(default=0.01, ge=0, le=1)
    shards: int = Field(default=4, ge=1, le=10_000)

    def __post_init__(self) -> None:
        parse_duration(self.user_granularity)
        parse_duration(self.item_granularity)

    def granularity_seconds(self, side: str) -> int:
        """Returns the step length of ``"user"`` or ``"item"`` in seconds."""
        return parse_duration({"user": self.user_granularity, "item": self.item_granularity}[side])


@dataclass(frozen=True, config=STRICT)
class ModelConfig:
    """Sizes of the network (Section 4.1 of the RRN paper).

    Attributes:
      cell: recurrent cell of both towers: the name of a module of `rrn_tf/layers/cells`.
      units: width of the recurrent state.
      embedding: width of the step embedding `y_t` (Eq. 5).
      dynamic: width of the projected states (Eq. 7).
      inputs: a state's inputs at a step: its ratings (Eq. 5), or their innovations, the errors of the opposite states'
        predictions (not in the paper; see `rrn_tf.layers.InnovationEncoder`).
      include_opposite_state: with innovations, whether the sum of the opposite entities' states is an input too.
        Formerly called `implicit`.
      ensemble: number of networks of these sizes that are trained side by side and averaged (not in the paper).
        Formerly called `members`.
      time_feature: ``wallclock`` for the times of this step and the preceding one (Eq. 5); ``delta`` for the logarithm
        of the days between them (not in the paper). Formerly called `clock`, with ``gap`` for ``delta``.
      bayesian_factors: number k of Bayesian factors in a second part beside the network (`rrn_tf.factors`; not in the
        paper); validation ratings decide the weight of each part. 0 for none.
    """

    cell: str = "lstm"
    units: int = Field(default=40, ge=1)
    embedding: int = Field(default=40, ge=1)
    dynamic: int = Field(default=20, ge=1)
    stationary: int = Field(default=20, ge=0)
    inputs: Literal["ratings", "innovations"] = "ratings"
    include_opposite_state: bool = False
    ensemble: int = Field(default=1, ge=1)
    time_feature: Literal["wallclock", "delta"] = "wallclock"
    bayesian_factors: int = Field(default=0, ge=0, le=64)

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ValueError(f"cell should be one of {', '.join(CELLS)}, found {self.cell!r}")

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, values: Any) -> Any:
        for old, new, meanings in RENAMED_MODEL_SETTINGS:
            values = renamed(values, old, new, meanings)
        return values


@dataclass(frozen=True, config=STRICT)
class TrainingConfig:
    """Alternating subspace descent (Section 3.4).

    Attributes:
      epochs: number of epochs, each with one user phase and one item phase.
      selection: protocol of the validation RMSE, of network and Bayesian factors combined, that chooses the best epoch
        and the weights of the parts; with ``both``, the two protocols count equally.
      patience: stop after this many epochs without a better validation RMSE (0: never).
      rows_per_batch: padded steps (B x T) of a global batch; 0: chosen by the number of steps, so that small data
        gets as many updates per epoch as large data.
      learning_rate: of Adam, for the networks.
      learning_rate_decay: factor of both learning rates from one epoch to the next.
      factor_learning_rate: of SGD, for the stationary factors, on each entity's mean gradient.
      network_l2, factor_l2: coefficients of the regulariser R of Eq. 8.
      dropout: dropout rate of each step's embedding (Eq. 5) in training.
      gradient_clip: each network gradient is clipped to this absolute value (0: off).
      pretraining: initial values of the stationary factors: user and item biases, probabilistic matrix
        factorization, U-AutoRec or small random values (see `rrn_tf.training.pretraining`).
      pretraining_l2: regulariser of ``pmf``, or lambda of ``u-autorec``, which needs values of 10 to
        300; ``bias`` chooses its own.
      seed: of initial values and batch order.
      replicas: number of devices of the MirroredStrategy (0: every GPU, or one CPU).
    """

    epochs: int = Field(default=20, ge=0)
    selection: Literal["frozen", "streaming", "both"] = "frozen"
    patience: int = Field(default=4, ge=0)
    rows_per_batch: int = Field(default=0, ge=0)
    learning_rate: float = Field(default=3e-4, gt=0)
    learning_rate_decay: float = Field(default=1.0, gt=0, le=1)
    factor_learning_rate: float = Field(default=0.003, ge=0)
    network_l2: float = Field(default=3e-3, ge=0)
    factor_l2: float = Field(default=1e-3, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    gradient_clip: float = Field(default=15.0, ge=0)
    pretraining: Literal["bias", "pmf", "u-autorec", "none"] = "bias"
    pretraining_l2: float = Field(default=0.1, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**31)
    replicas: int = Field(default=0, ge=0)


@dataclass(frozen=True, config=STRICT)
class Config:
    """Every setting that affects a result."""

    data: DataConfig = Field(default_factory=DataConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)

    def check_together(self) -> None:
        """Checks settings that exclude one another. It is no part of validation, since a search may try such settings.

        Raises:
          ConfigError: with both settings, and what to do.
        """
        model, training = self.model, self.training
        if model.include_opposite_state and model.inputs != "innovations":
            found = f"model.include_opposite_state=true with model.inputs={model.inputs}"
            raise ConfigError(f"{found}: set model.include_opposite_state=false, or model.inputs=innovations", "model")
        if model.ensemble > 1 and model.cell != "lstm":
            found = f"model.ensemble={model.ensemble} with model.cell={model.cell}"
            raise ConfigError(f"{found}: set model.ensemble=1, or model.cell=lstm", "model")
        if model.stationary == 1 and training.pretraining in ("bias", "u-autorec"):
            found = f"model.stationary=1 with training.pretraining={training.pretraining}"
            raise ConfigError(f"{found}: set model.stationary=2, or training.pretraining=none", "model")


AnyConfig = TypeVar("AnyConfig", default=Config)  # `Config` or `rrn_tf.collaborative_config.CollaborativeConfig`


# A type checker sees no link between a default and a type variable, but both functions return an instance of `kind`.
def config_from_dict(values: dict[str, Any], kind: type[AnyConfig] = Config) -> AnyConfig:  # type: ignore[assignment]
    """Creates a validated configuration; missing keys take their defaults.

    Raises:
      ConfigError: with the key, what was expected and what was found.
    """
    try:
        return pydantic.TypeAdapter(kind).validate_python(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise ConfigError(_message(first, path, kind), path) from None


def _message(error: Any, path: str, kind: type) -> str:
    """Describes an error of pydantic: what was expected of which setting, and what was found."""
    if error["type"] == "unexpected_keyword_argument":
        return no_such_setting(path, kind)
    if error["type"] == "value_error":  # of a class here: it says what it found
        return f"{path}: {error['ctx']['error']}" if path else str(error["ctx"]["error"])
    expected = error["msg"]
    if error["type"] == "dataclass_type":
        expected = "expected a section with settings of its own"
    return f"{path or 'configuration'}: {expected}, found {short(error['input'])}"


def renamed(values: Any, old: str, new: str, meanings: Mapping[Any, Any]) -> Any:
    """Renames a setting of a section, with a warning; if both names are given, the last one counts.

    Args:
      values: the section as it was read.
      old, new: the setting's former and present name.
      meanings: present values by former values; other values are left for validation to refuse.
    """
    if not isinstance(values, dict) or old not in values:
        return values
    value = values[old]
    meant = meanings.get(value, value) if isinstance(value, (bool, int, str)) else value
    warnings.warn(f"{old}={value} is an old name: say {new}={meant}", RenamedSettingWarning, stacklevel=2)
    names = list(values)
    if new in values and names.index(new) > names.index(old):
        meant = values[new]
    return {**{name: value for name, value in values.items() if name not in (old, new)}, new: meant}


def config_to_dict(config: Any) -> dict[str, Any]:
    """Converts a configuration to a plain nested dictionary; the inverse of `config_from_dict`."""
    return dataclasses.asdict(config)


def load_config(
    source: str | Path | AnyConfig | None = None,
    overrides: Iterable[str] = (),
    kind: type[AnyConfig] = Config,  # type: ignore[assignment]
) -> AnyConfig:
    """Resolves a configuration.

    Args:
      source: a YAML file, the name of a preset in `rrn_tf/presets`, or a configuration; None is the default.
      overrides: ``section.key=value`` strings; values are read as YAML scalars.
      kind: `Config` for RRN, or `CollaborativeConfig` for the Collaborative RNN.

    Raises:
      ConfigError: for a missing file, a malformed override or an invalid value.
    """
    changed: dict[str, Any] = {}
    if source is not None:
        changed = _read_source(source) if isinstance(source, (str, Path)) else config_to_dict(source)
    overrides = list(overrides)
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals or not path.strip():
            raise ConfigError(f"expected an override such as training.epochs=5, found {override!r}")
        *sections, key = path.strip().split(".")
        target = changed
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise ConfigError(f"{path}: {section!r} is a value, not a section")
        try:
            target[key] = parse_yaml(text)
        except ConfigError as error:
            raise ConfigError(f"{override}: the value is {error}", path.strip()) from None
    try:
        config = config_from_dict(changed, kind)
        if isinstance(config, Config):
            config.check_together()
        return config
    except ConfigError as error:
        # Where a file is at fault, the message says which.
        path = f"{error.path}."
        given = any(f"{override.partition('=')[0].strip()}.".startswith(path) for override in overrides)
        if given or not isinstance(source, (str, Path)):
            raise
        raise ConfigError(f"{source}: {error}", error.path) from None


def dump_config(config: Any, path: Path) -> None:
    """Writes the resolved configuration as YAML."""
    write_whole(path, yaml.safe_dump(config_to_dict(config), sort_keys=False))


def _read_source(source: str | Path) -> dict[str, Any]:
    path = Path(source)
    preset = PRESETS / f"{_OTHER_NAMES.get(str(source), source)}.yaml"
    # A run directory may have the name of a preset.
    if path.is_file() or (path.exists() and not preset.is_file()):
        return read_yaml(path)
    if preset.is_file():
        return read_yaml(preset)
    known = sorted(p.stem for p in PRESETS.glob("*.yaml"))
    raise ConfigError(
        f"{source}: no such configuration file or preset{did_you_mean(str(source), known)} "
        f"(presets: {', '.join(known) or 'none'})"
    )
