"""A search space: the settings to search, with their values."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic
from pydantic.dataclasses import dataclass as validated

from rrn_tf.config import STRICT, ConfigError, config_from_dict, config_to_dict
from rrn_tf.setting_files import read_yaml
from rrn_tf.setting_names import no_such_setting
from rrn_tf.tasks import Settings, task_of

if TYPE_CHECKING:
    import keras_tuner


@validated(frozen=True, config=STRICT)
class Range:
    """The numbers from `min` to `max`, both included; with `log`, sampled evenly in the logarithm."""

    min: float
    max: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.min < self.max:
            raise ValueError(f"expected min < max, found {self.min:g} and {self.max:g}")
        if self.log and self.min <= 0:
            raise ValueError(f"expected a positive min of a logarithmic range, found {self.min:g}")


@dataclass(frozen=True)
class SearchSpace:
    """The values to try, by the path of their setting, such as ``model.units``.

    Attributes:
      settings: for each path, distinct values or a range.
    """

    settings: Mapping[str, tuple[Any, ...] | Range]

    @classmethod
    def load(cls, file: str | Path | None, base: Settings, *, data: bool = True) -> SearchSpace:
        """Reads a space from YAML: ``path: [value, …]`` or ``path: {min: …, max: …, log: …}``.

        Args:
          file: the YAML file; None means the packaged space of ratings or of events.
          base: the configuration with the values of all other settings.
          data: whether data may be prepared anew. If not, the packaged space excludes settings of `data`, and a file
            that contains one is an error.

        Raises:
          ConfigError: naming the setting, what was expected and what was found.
        """
        # The packaged spaces are `ratings.yaml` and `events.yaml`.
        source = Path(__file__).with_name(f"{task_of(base).rows}.yaml") if file is None else Path(file)
        values = read_yaml(source)
        if not data and file is None:
            values = {path: of for path, of in values.items() if not path.startswith("data.")}
        try:
            return cls.from_dict(values, base, data=data)
        except ConfigError as error:
            raise ConfigError(f"{source if file else source.name}: {error}") from None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], base: Settings, *, data: bool = True) -> SearchSpace:
        """Creates a space from plain values (see `load`)."""
        if not values:
            raise ConfigError("expected settings such as model.units: [24, 40], found none")
        return cls({str(path): _parsed(str(path), of, base, data) for path, of in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values; the inverse of `from_dict`."""
        return {
            path: {"min": of.min, "max": of.max, "log": of.log} if isinstance(of, Range) else list(of)
            for path, of in self.settings.items()
        }

    @property
    def varied(self) -> frozenset[str]:
        """The settings with more than one value."""
        return frozenset(path for path, of in self.settings.items() if isinstance(of, Range) or len(of) > 1)

    def hyperparameters(self, base: Settings) -> keras_tuner.HyperParameters:
        """Converts the space for KerasTuner's oracles."""
        import keras_tuner  # imports TensorFlow, which reading a space does not need

        found, own = keras_tuner.HyperParameters(), config_to_dict(base)
        for path, of in self.settings.items():
            if isinstance(of, Range):
                sampling = "log" if of.log else "linear"
                if isinstance(setting(own, path), int):
                    found.Int(path, int(of.min), int(of.max), sampling=sampling)
                else:
                    found.Float(path, of.min, of.max, sampling=sampling)
            elif path in self.varied:
                found.Choice(path, list(of))
            else:
                found.Fixed(path, of[0])
        return found


def setting(config: Mapping[str, Any], path: str) -> Any:
    """Returns the value at a path such as ``model.units``; raises KeyError if there is none."""
    value: Any = config
    for key in path.split("."):
        value = value[key]
    return value


def with_settings(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns plain values of a configuration, with some settings replaced by those of a trial."""
    changed = deepcopy(dict(config))
    for path, value in values.items():
        *sections, key = path.split(".")
        setting(changed, ".".join(sections))[key] = value
    return changed


def _parsed(path: str, values: Any, base: Settings, data: bool) -> tuple[Any, ...] | Range:
    """Converts the values of one setting to the setting's type."""
    own, task = config_to_dict(base), task_of(base)
    try:
        known = not isinstance(setting(own, path), Mapping)
    except (KeyError, TypeError):
        known = False
    if not known:
        raise ConfigError(f"{path}: expected a setting such as model.units, {_found(path, own, task.config)}")
    if path.startswith(task.shared_settings):
        raise ConfigError(f"{path}: expected the same in all trials (--set or --protocol), found it in the space")
    if not data and path.startswith("data."):
        raise ConfigError(f"{path}: expected settings of model and training alone, since the data are prepared already")
    if isinstance(values, Mapping):
        number = setting(own, path)
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ConfigError(f"{path}: expected a list of values, found a range")
        try:
            found = pydantic.TypeAdapter(Range).validate_python(dict(values))
        except pydantic.ValidationError as error:
            raise ConfigError(
                f"{path}: expected a range such as {{min: 1, max: 9}}: {error.errors()[0]['msg']}"
            ) from None
        for end in (found.min, found.max):
            _valid(path, int(end) if isinstance(number, int) and end == int(end) else end, base)
        return found
    if not isinstance(values, list) or not values:
        raise ConfigError(f"{path}: expected a list of values or a range {{min, max, log}}, found {values!r}")
    return tuple(dict.fromkeys(_valid(path, value, base) for value in values))


def _found(path: str, own: Mapping[str, Any], kind: type) -> str:
    try:
        return f"found {'a section' if isinstance(setting(own, path), Mapping) else 'none'}"
    except (KeyError, TypeError):
        return f"found {no_such_setting(path, kind)}"


def _valid(path: str, value: Any, base: Settings) -> Any:
    changed = config_from_dict(with_settings(config_to_dict(base), {path: value}), type(base))
    return setting(config_to_dict(changed), path)
