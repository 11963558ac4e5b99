"""Which effects are allowed where: those of a user's own primitives must be registered.

Effects that are exactly of the class `Effect` are minijax's own and allowed everywhere.
"""

from minijax.jaxprs import Effect


class JaxprInputEffect(Effect):
    """An effect on one input: of an equation by its position, or as the user says."""

    def __init__(self, input):
        super().__init__()
        self.input = input

    def replace(self, input):
        """The same effect on another input."""
        return type(self)(input)

    def __eq__(self, other):
        if not isinstance(other, JaxprInputEffect):
            return NotImplemented
        return self.input == other.input

    def __hash__(self):
        return hash((type(self), self.input))

    def __repr__(self):
        return f"{type(self).__name__}({self.input})"


class RefEffect(JaxprInputEffect):
    """Something is done to the reference that is the input: `name` says what."""

    name: str

    def __eq__(self, other):
        return type(other) is type(self) and other.input is self.input

    __hash__ = JaxprInputEffect.__hash__

    def __str__(self):
        return f"{self.name}<{self.input}>"


class ReadEffect(RefEffect):
    """It is read."""

    name = "Read"


class WriteEffect(RefEffect):
    """It is written."""

    name = "Write"


class AccumEffect(RefEffect):
    """It is added to."""

    name = "Accum"


class InternalMutableArrayEffect(Effect):
    """A reference is made, or is not used any more."""


internal_mutable_array_effect = InternalMutableArrayEffect()


class EffectTypeSet:
    """Kinds of effects, by their classes."""

    def __init__(self):
        self._types = set()

    def add_type(self, effect_type):
        """Take in the effects of a class."""
        self._types.add(effect_type)

    def contains(self, effect):
        """Whether an effect is of one of the classes."""
        return isinstance(effect, tuple(self._types))

    def filter_in(self, effects):
        """Those effects that are of one of the classes."""
        return [e for e in effects if self.contains(e)]

    def filter_not_in(self, effects):
        """Those effects that are of none of the classes."""
        return [e for e in effects if not self.contains(e)]


IO, ORDERED_IO = Effect("IO"), Effect("OrderedIO")  # those of callbacks
io_effects = frozenset([IO, ORDERED_IO])

ordered_effects = EffectTypeSet()
shardable_ordered_effects = EffectTypeSet()
lowerable_effects = EffectTypeSet()
control_flow_allowed_effects = EffectTypeSet()
custom_derivatives_allowed_effects = EffectTypeSet()
remat_allowed_effects = EffectTypeSet()


def _refused(effects, allowed):
    return [e for e in allowed.filter_not_in(effects) if type(e) is not Effect]


def check_allowed(effects, allowed, where):
    """NotImplementedError, naming `where`, for effects that are not allowed there."""
    refused = _refused(effects, allowed)
    if refused:
        raise NotImplementedError(f"Effects not supported in {where}: {refused}")


def check_lowerable(effects):
    """ValueError for effects that no program can have."""
    refused = _refused(effects, lowerable_effects)
    if refused:
        raise ValueError(f"Cannot lower jaxpr with effects: {set(refused)}")
