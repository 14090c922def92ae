"""The site of the documents and the API reference: `make docs` builds it, and a warning is an error."""

from __future__ import annotations

import inspect
import operator
import os
import pkgutil
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import tf_keras as keras
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.inspect import signature, stringify_signature

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

project = "rrn_tf"
copyright = "the authors of rrn_tf"  # noqa: A001 - Sphinx's name
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser"]
html_theme = "alabaster"
html_show_sourcelink = False
myst_heading_anchors = 3
# The README is GitHub's; the site has its own first page.
exclude_patterns = ["build"]

nitpicky = True
default_role = "py:obj"
autodoc_default_options = {"members": True, "undoc-members": True}
autodoc_inherit_docstrings = False
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
napoleon_custom_sections = [
    ("Attributes", "params_style"),
    ("Call arguments", "params_style"),
    ("Call arguments as one tuple", "params_style"),
    ("Reference", "references"),
    "Returns",  # whole sentences: what stands before a colon is no type
]

_log = logging.getLogger(__name__)


def setup(app: Sphinx) -> None:
    """Connects the rules that Sphinx does not have."""
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-signature", _sign)
    app.connect("autodoc-process-docstring", _demand_a_docstring, priority=0)
    app.connect("missing-reference", _resolve)


def _skip(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leaves out constants of classes, and overrides without a docstring: they do what the base class says."""
    if what == "class" and not (callable(thing) or isinstance(thing, property)):
        return True
    return True if inspect.isfunction(thing) and not thing.__doc__ and inspect.getdoc(thing) else None


def _sign(app: Sphinx, what: str, name: str, thing: Any, options: Any, arguments: str, result: str) -> Any:
    """Takes a layer's arguments from its `__init__`: Keras' `__new__` hides them."""
    if what == "class" and issubclass(thing, keras.layers.Layer):
        own = signature(thing.__init__, bound_method=True)
        return stringify_signature(own, show_return_annotation=False, unqualified_typehints=True), None
    return None


def _demand_a_docstring(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    if what in ("module", "class", "exception", "function", "method", "property") and not any(lines):
        _log.warning("%s: expected a docstring of a public %s, found none", name, what)


def _resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.TextElement) -> nodes.Node | None:
    """Links a class to where it is exported; what else looks like a name of ours has to exist."""
    target = node["reftarget"]
    if not re.fullmatch(r"rrn_tf\.[\w.]+|[A-Z]\w*[a-z]\w*(\.\w+)*", target):
        return text  # a parameter, a command, a setting, or a name of another library
    found = env.domains.python_domain.find_obj(env, None, None, target.rpartition(".")[2], None, 1)
    if len(found) == 1:
        address = app.builder.get_relative_uri(node["refdoc"], found[0][1].docname)
        return nodes.reference("", "", text, internal=True, refuri=f"{address}#{found[0][1].node_id}")
    return text if _exists(target) else None


def _exists(name: str) -> bool:
    """Whether a name can be imported, or a short one is known to a module of ours that is imported."""
    if name.startswith("rrn_tf."):
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            return False
        return True
    known = [module for key, module in sys.modules.items() if key.partition(".")[0] in ("builtins", "rrn_tf")]
    return any(_has(module, name) for module in known)


def _has(module: ModuleType, name: str) -> bool:
    try:
        operator.attrgetter(name)(module)
    except AttributeError:
        return False
    return True
