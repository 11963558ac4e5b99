"""float16 operands of a loop: strips of them are converted by the CPU's own instructions.

Compilers make vector code of a conversion that is written in integer arithmetic, but not of
the instruction, which does the same at a fraction of the cost.  So each strip of the
innermost loop begins with conversions to float32s on the stack, and ends with those back.
"""

from cbackend.places import index_text, loop

STRIP = 128  # elements


class Halves:
    """The operands of one loop nest that are converted so, and the nest."""

    def __init__(self, scalars, extents):
        self.scalars, self.extents = scalars, extents
        self._before, self._after = [], []

    @property
    def used(self):
        """Whether there are such operands."""
        return bool(self._before or self._after)

    def load(self, register, operand):
        """Let a register be an element of a strip; False: it is to be loaded."""
        if not self._is_strip(operand):
            return False
        name, pointer = self._strip(f"h{len(self._before)}", operand)
        self._before += [
            f"float {name}[{STRIP}];",
            f"mjx_floats_from_f16(end - t, {name}, {pointer});",
        ]
        index = index_text(operand, len(self.extents))
        register.name = operand.place.element(operand.suffix, index)
        register.wide = register.exact = f"{name}[i{len(self.extents) - 1} - t]"
        return True

    def store(self, register, operand):
        """The line that stores a register; None: its bits are to be stored."""
        if not self._is_strip(operand) or not register.exact:
            return None
        name, pointer = self._strip(f"o{len(self._after)}", operand)
        self._before.append(f"float {name}[{STRIP}];")
        self._after.append(f"mjx_f16s_from_floats(end - t, {pointer}, {name});")
        return f"{name}[i{len(self.extents) - 1} - t] = {register.exact};"

    def loops(self, fixed, body):
        """The nest: `fixed` lines before the innermost loop, `body` in it."""
        d, n = len(self.extents) - 1, self.extents[-1]
        outer = [loop(k, extent) for k, extent in enumerate(self.extents[:-1])]
        return [
            *outer,
            f"for (int64_t t = 0; t < {n}; t += {STRIP}) {{",
            f"int64_t end = t + {STRIP} < {n} ? t + {STRIP} : {n};",
            *self._before,
            *fixed,
            '_Pragma("GCC ivdep")',
            f"for (int64_t i{d} = t; i{d} < end; i{d}++) {{",
            *body,
            "}",
            *self._after,
            *["}"] * (1 + len(outer)),
        ]

    def _is_strip(self, operand):
        return (
            operand.place is not None
            and operand.suffix == "f16"
            and not operand.table
            and operand.strides[-1] == 1
        )

    def _strip(self, name, operand):
        """A name for the float32s, and where the strip's elements are."""
        self.scalars.use("half_lines.h")
        self.scalars.use("half_wide.h")
        at = index_text(operand, len(self.extents) - 1)
        return f"strip_{name}", operand.place.pointer(operand.suffix, f"{at} + t")
