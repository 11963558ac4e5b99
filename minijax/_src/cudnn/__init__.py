"""Operations of GPUs, as far as they run here."""

from minijax._src._homes import names_of

_SUBMODULES = {"scaled_matmul_stablehlo"}
__getattr__ = names_of(__name__, "minijax.nn.scaled", submodules=_SUBMODULES)
