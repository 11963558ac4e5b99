"""`jax.scipy.special`: special functions on arrays.

A function is found in its module when it is first asked for; so programs load only what
they use.
"""

import importlib
import sys
import warnings
from typing import Any

from minijax.alias import unknown_attribute

_NAMES = {
    "gammas": """bernoulli beta betainc betaln comb digamma factorial gamma gammainc gammaincc
        gammaln gammasgn loggamma multigammaln poch polygamma zeta""",
    "entropies": """boxcox boxcox1p entr expit kl_div log_softmax logit logsumexp rel_entr
        softmax xlog1py xlogy""",
    "errors": "dawsn erf erfc erfcx erfinv log_ndtr ndtr ndtri owens_t wofz",
    "integrals": "exp1 expi expn fresnel sici spence",
    "bessel": "bessel_jn i0 i0e i1 i1e",
    "harmonics": "sph_harm_y",
    "hypergeometric": "hyp1f1 hyp2f1",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

_DEPRECATED = dict.fromkeys(("lpmn", "lpmn_values"), "harmonics")

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _DEPRECATED:
        warnings.warn(
            f"jax.scipy.special.{name} is deprecated; no replacement is planned.",
            DeprecationWarning,
            stacklevel=2,
        )
        home = importlib.import_module(f"{__name__}.{_DEPRECATED[name]}")
        return getattr(home, name)
    module = _HOME.get(name)
    if module is None:
        raise unknown_attribute(__name__, name)
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__():
    return sorted({*__all__, *globals()})
