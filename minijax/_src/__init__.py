"""Names private to JAX that libraries and tests import, as adapters.

Nothing of minijax's own is here: each module gives under JAX's private name what
stands elsewhere. Names that minijax has no use for are not here; asking for one is an
AttributeError, as for any name that is missing.
"""

import importlib
import importlib.util

from minijax.alias import missing_attribute


def __getattr__(name):
    full = f"{__name__}.{name}"
    if not name.startswith("__") and importlib.util.find_spec(full) is not None:
        return importlib.import_module(full)
    raise missing_attribute(__name__, name)
