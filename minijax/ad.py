"""What `f_vjp.with_refs` may be asked for, and answers (`jax.ad`)."""

from minijax.api.pullback import DidntWant as DidntWant
from minijax.api.pullback import DontWant as DontWant
from minijax.api.pullback import GradRef as GradRef
from minijax.api.pullback import GradValue as GradValue
