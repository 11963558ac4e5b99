"""`jax.image`: arrays resized, scaled and moved by resampling."""

from minijax.image.resample import (
    ResizeMethod as ResizeMethod,
)
from minijax.image.resample import (
    resize as resize,
)
from minijax.image.resample import (
    scale_and_translate as scale_and_translate,
)
