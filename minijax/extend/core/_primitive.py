"""Primitives that others define, rule by rule, as JAX has them do it."""

from minijax import core


class _AnyPrimitive(type):
    """Counts the library's own primitives among the instances, as JAX's one class does."""

    def __instancecheck__(cls, instance):
        return (
            isinstance(instance, core.Primitive)
            if cls is Primitive
            else (type.__instancecheck__(cls, instance))
        )


def is_foreign(primitive):
    """Whether a primitive was made by others, of this class."""
    return Primitive in type(primitive).__mro__


class Primitive(core.Primitive, metaclass=_AnyPrimitive):
    """An operation with rules to be registered later.

    `def_abstract_eval` and `def_impl` here; derivatives, transposition and batching
    through `interpreters.ad` and `interpreters.batching`; lowering through
    `interpreters.mlir.register_lowering`.  NotImplementedError for what is missing.
    """

    call_primitive = False
    map_primitive = False
    _effects_of_shape = None

    def _lacks(self, what):
        raise NotImplementedError(f"{what} for '{self.name}' not implemented")

    def shape(self, *avals, **params):
        self._lacks("Abstract evaluation")

    abstract_eval = property(lambda self: self.shape)

    def impl(self, *args, **params):
        self._lacks("Evaluation rule")

    own_impl = property(lambda self: self.impl)

    def reference(self, *args, **params):
        return self.impl(*args, **params)

    def jvp(self, primals, tangents, **params):
        self._lacks("Differentiation rule")

    def transpose(self, ct, *args, **params):
        self._lacks("Transpose rule (for reverse-mode differentiation)")

    def batch(self, axis, args, dims, **params):
        self._lacks("Batching rule")

    @property
    def only_in_python(self):
        """Whether no lowering is registered, so that only `impl` can compute it."""
        return "lower" not in vars(self)

    def lower(self, b, ins, out_avals, **params):
        raise NotImplementedError(
            f"MLIR translation rule for primitive '{self.name}' not found for platform cpu"
        )

    def def_abstract_eval(self, abstract_eval):
        """Set the rule from avals to the aval (or avals) of the result; returns it."""

        def shape(*avals, **params):
            out = abstract_eval(*avals, **params)
            if isinstance(out, (tuple, list)) != self.multiple_results:
                raise ValueError(
                    f"{self.name}.abstract_eval() method should return a tuple or a list "
                    f"iff {self.name}.multiple_results."
                )
            return out

        self.shape = shape
        return abstract_eval

    def def_effectful_abstract_eval(self, abstract_eval):
        """As `def_abstract_eval`, of a rule that gives a pair: avals and effects."""

        def shape(*avals, **params):
            out, effects = abstract_eval(*avals, **params)
            # Read back by `effects_of`, which recording calls next.
            self._effects_of_shape = frozenset(effects)
            return out

        self.shape = shape
        return abstract_eval

    def effects_of(self, params):
        """The effects that the abstract evaluation told."""
        return self._effects_of_shape or self.effects

    def effects_at(self, avals, params):
        """The effects of an equation on arguments of these types."""
        if self._effects_of_shape is not None:
            self.shape(*avals, **params)
        return self.effects_of(params)

    def def_impl(self, impl):
        """Set what computes the result at once; returns it."""
        self.impl = impl
        return impl
