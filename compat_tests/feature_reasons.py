"""Why a symbol of JAX is absent from minijax, or there in part: the words of FEATURES.md.

`test_features.py` fails where a reason is missing, and where one is no longer needed.
"""


def _table(reasons):
    """{name: reason} of a dict from reasons to names separated by blanks."""
    return {name: why for why, names in reasons.items() for name in names.split()}


ABSENT = _table(
    {
        "the policies are functions here": "jax.checkpoint_policies.SaveOnlyTheseNames",
        "TensorFlow export; JAX's own needs absl and TensorFlow": (
            "jax.experimental.jax2tf jax.experimental.jax2tf.convert"
        ),
        "XLA's parallel executor; JAX 0.10.2 has it under `jax.interpreters` only": (
            "jax.pxla"
        ),
    }
)

PARTIAL = _table(
    {
        "XLA's client and memories; there is none here": "jax.Device",
        "what subclasses define, or JAX has for shardings and its own tracing": """
            jax.experimental.hijax.AbstractValue jax.experimental.hijax.AvalMutableQDD
            jax.experimental.hijax.AvalQDD jax.experimental.hijax.HiPrimitive
            jax.experimental.hijax.MutableHiType jax.experimental.hijax.Zero
            jax.experimental.hijax.instantiate_zeros
        """,
        "methods of arrays on a type, for JAX's own operators; arrays have them": (
            "jax.core.ShapedArray"
        ),
        "JAX's internals for hijax and shardings in types": (
            "jax.core.AbstractValue jax.core.Trace"
        ),
        "methods of placed arrays that only raise on tracers, and internals": (
            "jax.core.Tracer"
        ),
        "layouts are row-major always": "jax.experimental.layout.Layout jax.Ref",
        "profiles of XLA are not recorded": """
            jax.profiler.ProfileOptions jax.profiler.StepTraceAnnotation
        """,
        "caches of JAX's internals": """
            jax.api_util.flatten_fun jax.api_util.flatten_fun_nokwargs
        """,
        "attributes that JAX sets on instances": """
            jax.custom_derivatives.CustomVJPPrimal
        """,
        "not written yet": "jax.custom_derivatives.SymbolicZero",
        "the runtime has no status codes of XLA's": "jax.errors.JaxRuntimeError",
        "no protocol buffers": "jax.tree_util.PyTreeDef",
    }
)
