"""The errors of `jax.errors`: each class says what went wrong and what to do instead."""

from typing import Any

from minijax.source_info import describe_source

_PAGE = "https://docs.jax.dev/en/latest/errors.html#jax.errors."


class _Explained:
    """Ends each message with the address of the page that explains its class."""

    def __init__(self, message):
        text = f"{message}\nSee {_PAGE}{type(self).__name__}"
        super().__init__(text)  # pyright: ignore[reportCallIssue]  (an exception's)


class JAXTypeError(_Explained, TypeError):
    """A value of the wrong kind reached a transformation."""


class JAXIndexError(_Explained, IndexError):
    """An index that tracing cannot take."""


class ConcretizationTypeError(JAXTypeError):
    """A traced value was used where Python needs a concrete one.

    Mark the argument static (`static_argnums`), or compute with array operations
    (`jnp.where`, `lax.cond`, `lax.fori_loop`) in place of Python's own.
    """

    def __init__(self, tracer, context=""):
        if isinstance(tracer, str):
            super().__init__(tracer)
            return
        super().__init__(
            "Abstract tracer value encountered where concrete value is expected: "
            f"{describe(tracer)}\n{context}{origin(tracer)}\n"
        )


_STATIC_IN_CHECKPOINT = (
    "Consider using the `static_argnums` parameter for `jax.remat` or `jax.checkpoint`. "
    "See the `jax.checkpoint` docstring and its example involving `static_argnums`:\n"
    "https://docs.jax.dev/en/latest/_autosummary/jax.checkpoint.html\n"
)


class TracerBoolConversionError(ConcretizationTypeError):
    """`if`, `while`, `and`, `or`, `not` on a traced value: use `lax.cond` or
    `jnp.where`.
    """

    def __init__(self, tracer):
        JAXTypeError.__init__(
            self,
            f"Attempted boolean conversion of {describe(tracer)}.{origin(tracer)}",
        )
        info = getattr(tracer._trace, "debug_info", None)
        if info is not None and info.traced_for == "checkpoint / remat":
            self.args = (f"{self}\n\n{_STATIC_IN_CHECKPOINT}",)


class TracerArrayConversionError(JAXTypeError):
    """A traced value was handed to NumPy: use `jax.numpy`, or mark the argument static."""

    def __init__(self, tracer):
        super().__init__(
            "The numpy.ndarray conversion method __array__() was called on "
            f"{describe(tracer)}{origin(tracer)}"
        )


class TracerIntegerConversionError(JAXTypeError):
    """A traced value was used as a Python index: use `jnp` indexing, or mark it static."""

    def __init__(self, tracer):
        super().__init__(
            f"The __index__() method was called on {describe(tracer)}{origin(tracer)}"
        )


class NonConcreteBooleanIndexError(JAXIndexError):
    """A traced boolean mask as an index has no static size: use `jnp.where`."""

    def __init__(self, tracer):
        super().__init__(f"Array boolean indices must be concrete; got {tracer.aval}\n")


class UnexpectedTracerError(JAXTypeError):
    """A tracer was kept after its trace ended, by a side effect of the traced function."""


class KeyReuseError(JAXTypeError):
    """A PRNG key was used twice."""


class JaxRuntimeError(RuntimeError):
    """The C runtime reported a failure while a program ran."""


class JaxprTypeError(TypeError):
    """A jaxpr failed validation: minijax's own rules disagree with each other."""


class InconclusiveDimensionOperation(Exception):
    """A comparison of symbolic dimensions has no single answer."""


def describe(tracer):
    """What a tracer stands for, as JAX words it."""
    kind = tracer.aval.str_short()
    return f"traced array with shape {kind}"


def origin(tracer):
    """The sentence naming the traced function, or the empty string."""
    if tracer.jax_name == "BatchTracer":
        return f"\nThis BatchTracer with object id {id(tracer)}{_created(tracer)}"
    where = tracer._trace.described()
    if not where:
        return ""
    return f"\nThe error occurred while tracing the function {where}.{_why(tracer)}"


def _why(tracer):
    """The sentence that names the arguments, or the lines, that a value comes from."""
    find = getattr(tracer._trace, "origins", None)
    places, sources = ([], []) if find is None else find(tracer)
    if not places and sources:
        return _made_by(sources)
    info = getattr(tracer._trace, "debug_info", None)
    names: Any = getattr(info, "arg_names", None) or ()
    if not places or places[-1] >= len(names):
        of = "value of an argument"
    elif len(places) == 1:
        of = f"value of the argument {names[places[0]]}"
    else:
        *rest, last = (names[k] for k in places)
        comma = "," if len(rest) > 1 else ""
        of = f"values of the arguments {', '.join(rest)}{comma} and {last}"
    return (
        " This concrete value was not available in Python because it depends on the "
        f"{of}."
    )


_MOST_LINES = 5


def _made_by(eqns):
    lines = [f"  operation {eqn!r}\n    from line {describe_source(eqn.source)}"
             for eqn in eqns[:_MOST_LINES] if eqn.source is not None]  # fmt: skip
    more = "\n\n(Additional originating lines are not shown.)"
    return (
        " This value became a tracer due to JAX operations on these lines:\n\n"
        + "\n\n".join(lines)
        + (more if len(eqns) > _MOST_LINES else "")
    )


def ambiguous_truth(size):
    """The error for an array that is asked whether it is true, and is not of one element."""
    if not size:
        return ValueError(
            "The truth value of an empty array is ambiguous. Use `array.size > 0` to "
            "check that an array is not empty."
        )
    return ValueError(
        "The truth value of an array with more than one element is ambiguous. "
        "Use a.any() or a.all()"
    )


def leaked(tracer):
    """The error for a tracer that is used after its trace has ended."""
    where = tracer._trace.described()
    kind = tracer.aval.str_short()
    said = ""
    if where:
        source = tracer.created_at()
        line = "" if source is None else f"{describe_source(source)}"
        where = " traced for ".join(where.rsplit(" for ", 1))
        said = (
            f"The function being traced when the value leaked was {where}.\n"
            f"{_RULE}\nThe leaked intermediate value was created on line {line}. \n"
            f"{_RULE}\n"
            f"When the value was created, the final {_FRAMES} stack frames (most recent "
            f"last) excluding JAX-internal frames were:\n{_RULE}\n{line}\n{_RULE}\n\n"
        )
    return UnexpectedTracerError(
        "Encountered an unexpected tracer. A function transformed by JAX had a side "
        "effect, allowing for a reference to an intermediate value with type "
        f"{kind} wrapped in a {tracer.jax_name} to "
        "escape the scope of the transformation.\nJAX transformations require that "
        "functions explicitly return their outputs, and disallow saving intermediate "
        f"values to global state.\n{said}To catch the leak earlier, try setting the "
        "environment variable JAX_CHECK_TRACER_LEAKS or using the "
        "`jax.checking_leaks` context manager."
    )


_RULE = "-" * 30
_FRAMES = 5  # as many as JAX shows at most; one is known


def _created(tracer):
    source = tracer.created_at()
    if source is None:
        return " stands for each element of a batch."
    return f" was created on line:\n  {describe_source(source)}"
