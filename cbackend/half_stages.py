"""float16 on CPUs that have arithmetic for it: a loop in stages.

Compilers make vector code of loops over float16s, and of loops over float32s, but not of
what leads from one to the other.  So a strip of elements goes through short loops in turn:
those of even number compute with float16s, those of odd number with float32s (exponentials
and their like, other dtypes); between them whole strips are converted.
"""

from cbackend.places import index_text, load, loop, table_register
from cbackend.scalars import STORED, Part, Register, is_written

STRIP = 256  # elements

# What float16s have quick operations for (not division, nor roots), or what their bits decide.
_OPS = (
    "add sub mul max min square floor ceil round_even neg abs clamp eq ne lt le gt ge sign "
    "is_finite eq_to lt_to le_to"
)
_FLOAT16 = frozenset(["convert_f16_b1", *(f"{op}_f16" for op in _OPS.split())])
_HALF, _FLOAT = 0, 1


def fits(group):
    """Whether a group's loop is written in stages."""
    kernels = [micro.kernel for micro in group.micros]
    return any(_has_half(kernel) for kernel in kernels) and all(
        is_written(kernel) for kernel in kernels
    )


def _has_half(kernel):
    return kernel.name.endswith("_f16") or kernel.name.startswith("convert_f16_")


_EXP_OF_NEGATIVE = Part("exp_of_negative_f16")
_ONE_MORE, _ONE_OVER = Part("one_more_f16"), Part("one_over_f16")
_TIMES_LOG_2, _EXP = Part("exp2_f16"), Part("exp_f16")


class _Step:
    """A kernel in its stage."""

    def __init__(self, kernel, kind, sources, results):
        self.kernel, self.kind = kernel, kind
        self.sources, self.results = sources, results


class _Value:
    """A register's type, the stage that makes it (None: an operand), and its strips."""

    def __init__(self, suffix, stage=None, operand=None):
        self.suffix, self.stage, self.operand = suffix, stage, operand
        self.last = -1  # the last stage that reads it
        self.bits = self.half = self.floats = None  # names of strips


def write_stages(groups, group, extents, outs, ins, apart):
    """The loops; `apart`: nothing that is written is read, but as `Groups.write` has it."""
    return _Writer(groups, group, extents, outs, ins, apart).lines()


class _Writer:
    """Writes the stages of one loop nest."""

    def __init__(self, groups, group, extents, outs, ins, apart):
        self.groups, self.scalars = groups, groups.scalars
        self.extents, self.outs, self.group = extents, outs, group
        self.apart, self.depth = apart, len(extents)
        self.at = f"[i{self.depth - 1} - t]"
        self.names = iter(range(1 << 30))
        self.declared = []
        self.values = {
            reg: _Value(operand.suffix, None, operand)
            for reg, operand in zip(group.in_regs, ins, strict=True)
        }
        self.steps = list(self._steps())
        self.stages = self._assign()
        self.scalars.use("half_stages.h")

    def fresh(self):
        return f"r{next(self.names)}"

    # --- which stage makes what

    def _steps(self):
        for micro in self.group.micros:
            name, between = micro.kernel.name, object()
            if name == "logistic_f16":
                more = object()
                yield _Step(_EXP_OF_NEGATIVE, _FLOAT, micro.sources, [between])
                yield _Step(_ONE_MORE, _HALF, [between], [more])
                yield _Step(_ONE_OVER, _FLOAT, [more], micro.results)
            elif name == "exp2_f16":
                yield _Step(_TIMES_LOG_2, _HALF, micro.sources, [between])
                yield _Step(_EXP, _FLOAT, [between], micro.results)
            else:
                yield _Step(micro.kernel, None, micro.sources, micro.results)

    def _assign(self):
        """The steps by stage; fills in `values`."""
        stages = {}
        for step in self.steps:
            sources = [self.values[reg] for reg in step.sources]
            registers = [Register("", value.suffix) for value in sources]
            types = self.scalars.result_types(step.kernel, registers)
            kind = step.kind
            if kind is None:
                kind = self._kind(step.kernel.name, types)
            stage = self._stage(kind, sources)
            step.kind = stage % 2
            stages.setdefault(stage, []).append(step)
            for value in sources:
                value.last = max(value.last, stage)
            for reg, suffix in zip(step.results, types, strict=True):
                self.values[reg] = _Value(suffix, stage)
        return sorted(stages.items()) or [(0, [])]

    def _kind(self, name, types):
        """Whether a kernel needs float16s or float32s; None: it does with either."""
        if name in _FLOAT16 or (
            name.startswith(("select_x2", "copy_x2")) and types == ["f16"]
        ):
            return _HALF
        return None if types == ["b1"] and name.endswith("_b1") else _FLOAT

    def _stage(self, kind, sources):
        stage = 0 if kind is None else kind
        for value in sources:
            made = value.stage
            if made is None:
                continue
            if kind is None or (made % 2 == kind and value.suffix != "f16"):
                stage = max(stage, made)
            elif made % 2 != kind:
                stage = max(stage, made + 1)
            else:
                stage = max(stage, made if kind == _HALF else made + 2)
        return stage

    # --- the loops

    def lines(self):
        d, n = self.depth - 1, self.extents[-1]
        outer = [loop(k, extent) for k, extent in enumerate(self.extents[:-1])]
        last = self.stages[-1][0]
        for reg in self.group.out_regs:
            value = self.values[reg]
            if not self.apart or value.stage is None:
                value.last = last
        body = [line for stage in self.stages for line in self._stage_lines(*stage)]
        return [
            *outer,
            f"for (int64_t t = 0; t < {n}; t += {STRIP}) {{",
            f"int64_t end = t + {STRIP} < {n} ? t + {STRIP} : {n};",
            *self.declared,
            *body,
            *["}"] * (d + 1),
        ]

    def _stage_lines(self, stage, steps):
        """One loop over the strip."""
        d = self.depth - 1
        self.stage, self.registers = stage, {}
        self.before, self.fixed, self.moving, self.after = [], [], [], []
        self.scalars.half_stage = stage % 2 == _HALF
        for step in steps:
            self._step(step)
        self._stores()
        self.scalars.half_stage = False
        return [
            "{",
            *self.before,
            *self.fixed,
            '_Pragma("GCC ivdep")',
            f"for (int64_t i{d} = t; i{d} < end; i{d}++) {{",
            *self.moving,
            "}",
            *self.after,
            "}",
        ]

    def _step(self, step):
        sources = [self._register(reg) for reg in step.sources]
        types = self.scalars.result_types(step.kernel, sources)
        results = [Register(self.fresh(), suffix) for suffix in types]
        self.moving += self.scalars.apply(step.kernel, sources, results)
        for reg, register in zip(step.results, results, strict=True):
            self.registers[reg] = register
            if self.values[reg].last > self.stage:
                self._keep(self.values[reg], register)

    def _keep(self, value, register):
        """Let later stages have a value."""
        if value.suffix != "f16" or not register.exact:
            value.bits = value.bits or self._strip(STORED[value.suffix])
            self.moving.append(f"{value.bits}{self.at} = {register.name};")
        elif self.stage % 2 == _HALF:
            value.half = value.half or self._strip("mjx_h")
            self.moving.append(f"{value.half}{self.at} = {register.exact};")
        else:
            floats = self._strip("float")
            value.half = value.half or self._strip("mjx_h")
            self.moving.append(f"{floats}{self.at} = {register.exact};")
            self.after.append(f"mjx_hs_from_floats(end - t, {value.half}, {floats});")

    def _strip(self, kind):
        name = f"strip_{self.fresh()}"
        self.declared.append(f"{kind} {name}[{STRIP}];")
        return name

    def _register(self, reg):
        """A value as this stage has it."""
        register = self.registers.get(reg)
        if register is None:
            value = self.values[reg]
            load = self._operand if value.stage is None else self._kept
            register = self.registers[reg] = load(value)
        return register

    def _operand(self, value):
        operand = value.operand
        if operand.table:
            return table_register(operand)
        register = Register(self.fresh(), operand.suffix)
        place, is_line = operand.place, operand.strides[-1] == 1
        widens = operand.suffix == "f16" and is_line and self.stage % 2 == _FLOAT
        if widens and place is not None:
            if value.floats is None:
                at = index_text(operand, self.depth - 1)
                pointer = place.pointer("f16", f"{at} + t")
                value.floats = self._widened("mjx_floats_from_f16", pointer)
            register.name = place.element("f16", index_text(operand, self.depth))
            register.wide = register.exact = value.floats + self.at
            return register
        still = operand.strides[-1] == 0
        at = index_text(operand, self.depth - 1 if still else self.depth)
        (self.fixed if still else self.moving).append(load(register, operand, at))
        return register

    def _kept(self, value):
        """A value of an earlier stage."""
        register = Register(value.bits and value.bits + self.at, value.suffix)
        if value.suffix != "f16":
            return register
        if self.stage % 2 == _HALF:
            if value.half:
                register.wide = register.exact = value.half + self.at
                register.name = f"mjx_h_stored({register.exact})"
            return register
        if value.floats is None:
            convert = "mjx_floats_from_hs" if value.half else "mjx_floats_from_f16"
            value.floats = self._widened(convert, value.half or value.bits)
        register.wide = register.exact = value.floats + self.at
        if value.half:
            register.name = f"mjx_f16_from_f32({register.exact})"
        return register

    def _widened(self, convert, pointer):
        floats = self._strip("float")
        self.before.append(f"{convert}(end - t, {floats}, {pointer});")
        return floats

    def _stores(self):
        """Store the outputs that are this stage's."""
        last, due = self.stages[-1][0], []
        for reg, operand in zip(self.group.out_regs, self.outs, strict=True):
            made = self.values[reg].stage
            if (made if self.apart and made is not None else last) == self.stage:
                due.append((self.values[reg], self._register(reg), operand))
        for value, register, operand in due:
            is_line = operand.strides[-1] == 1
            in_floats = value.stage == self.stage and self.stage % 2 == _FLOAT
            if operand.suffix == "f16" and is_line and in_floats and register.exact:
                floats, at = self._strip("float"), index_text(operand, self.depth - 1)
                pointer = operand.place.pointer("f16", f"{at} + t")
                self.moving.append(f"{floats}{self.at} = {register.exact};")
                self.after.append(
                    f"mjx_f16s_from_floats(end - t, {pointer}, {floats});"
                )
                continue
            at = index_text(operand, self.depth)
            element = operand.place.element(operand.suffix, at)
            text = self.scalars.cast(register, operand.suffix)
            self.moving.append(f"{element} = {text};")
