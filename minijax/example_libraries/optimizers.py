"""Optimizers as triples of functions (`jax.example_libraries.optimizers`).

An optimizer is `(init, update, get_params)`: `init(params)` gives a state,
`update(step, grads, state)` the next one, `get_params(state)` the parameters.  A state
holds, for each parameter array, a small tree of arrays.
"""

import functools
from collections import namedtuple

from minijax import numpy as jnp
from minijax.tree_util import (
    register_pytree_node,
    tree_flatten,
    tree_leaves,
    tree_map,
    tree_structure,
    tree_unflatten,
)

Optimizer = namedtuple("Optimizer", ["init_fn", "update_fn", "params_fn"])
OptimizerState = namedtuple(
    "OptimizerState", ["packed_state", "tree_def", "subtree_defs"]
)
register_pytree_node(
    OptimizerState,
    lambda state: ((state.packed_state,), (state.tree_def, state.subtree_defs)),
    lambda aux, children: OptimizerState(children[0], *aux),
)


def optimizer(opt_maker):
    """Make a function that gives `(init, update, get_params)` for one array into one
    that gives an `Optimizer` for pytrees of them.
    """

    @functools.wraps(opt_maker)
    def tree_opt_maker(*args, **kwargs):
        init, update, get_params = opt_maker(*args, **kwargs)

        def tree_init(params):
            leaves, tree = tree_flatten(params)
            states, subtrees = [], []
            for leaf in leaves:
                arrays, subtree = tree_flatten(init(leaf))
                states.append(arrays)
                subtrees.append(subtree)
            return OptimizerState(tuple(states), tree, tuple(subtrees))

        def tree_update(i, grad_tree, opt_state):
            leaves, tree = tree_flatten(grad_tree)
            if tree != opt_state.tree_def:
                raise TypeError(
                    "optimizer update function was passed a gradient tree that did not "
                    "match the parameter tree structure with which it was initialized: "
                    f"parameter tree {opt_state.tree_def} and grad tree {tree}."
                )
            states = []
            for leaf, state, old in zip(
                leaves, _states(opt_state), opt_state.subtree_defs, strict=True
            ):
                arrays, subtree = tree_flatten(update(i, leaf, state))
                if subtree != old:
                    raise TypeError(
                        "optimizer update function produced an output structure that "
                        f"did not match its input structure: input {old} and output "
                        f"{subtree}."
                    )
                states.append(arrays)
            packed = tuple(states)
            return OptimizerState(packed, opt_state.tree_def, opt_state.subtree_defs)

        def tree_get_params(opt_state):
            params = [get_params(state) for state in _states(opt_state)]
            return tree_unflatten(opt_state.tree_def, params)

        return Optimizer(tree_init, tree_update, tree_get_params)

    return tree_opt_maker


def _states(opt_state):
    return [
        tree_unflatten(subtree, arrays)
        for subtree, arrays in zip(
            opt_state.subtree_defs, opt_state.packed_state, strict=True
        )
    ]


# --- optimizers -----------------------------------------------------------------------


@optimizer
def sgd(step_size):
    """Stochastic gradient descent; `step_size` is a number or a schedule."""
    step_size = make_schedule(step_size)

    def update(i, g, x):
        return x - step_size(i) * g

    return _itself, update, _itself


def _itself(x):
    return x


def _first(state):
    return state[0]


@optimizer
def momentum(step_size, mass):
    """Gradient descent with momentum `mass`."""
    step_size = make_schedule(step_size)

    def init(x0):
        return x0, jnp.zeros_like(x0)

    def update(i, g, state):
        x, velocity = state
        velocity = mass * velocity + g
        return x - step_size(i) * velocity, velocity

    return init, update, _first


@optimizer
def nesterov(step_size, mass):
    """Gradient descent with Nesterov's momentum `mass`."""
    step_size = make_schedule(step_size)

    def init(x0):
        return x0, jnp.zeros_like(x0)

    def update(i, g, state):
        x, velocity = state
        velocity = mass * velocity + g
        return x - step_size(i) * (mass * velocity + g), velocity

    return init, update, _first


@optimizer
def adagrad(step_size, momentum=0.9):
    """Adagrad (Duchi, Hazan, Singer, JMLR 12, 2011), with momentum."""
    step_size = make_schedule(step_size)

    def init(x0):
        return x0, jnp.zeros_like(x0), jnp.zeros_like(x0)

    def update(i, g, state):
        x, squares, m = state
        squares = squares + jnp.square(g)
        scale = jnp.where(squares > 0, 1.0 / jnp.sqrt(squares), 0.0)
        m = (1.0 - momentum) * (g * scale) + momentum * m
        return x - step_size(i) * m, squares, m

    return init, update, _first


@optimizer
def rmsprop(step_size, gamma=0.9, eps=1e-8):
    """RMSProp: steps over the root of a moving average of squared gradients."""
    step_size = make_schedule(step_size)

    def init(x0):
        return x0, jnp.zeros_like(x0)

    def update(i, g, state):
        x, mean_square = state
        mean_square = mean_square * gamma + jnp.square(g) * (1.0 - gamma)
        return x - step_size(i) * g / jnp.sqrt(mean_square + eps), mean_square

    return init, update, _first


@optimizer
def rmsprop_momentum(step_size, gamma=0.9, eps=1e-8, momentum=0.9):
    """RMSProp with momentum."""
    step_size = make_schedule(step_size)

    def init(x0):
        return x0, jnp.zeros_like(x0), jnp.zeros_like(x0)

    def update(i, g, state):
        x, mean_square, m = state
        mean_square = mean_square * gamma + jnp.square(g) * (1.0 - gamma)
        m = momentum * m + step_size(i) * g / jnp.sqrt(mean_square + eps)
        return x - m, mean_square, m

    return init, update, _first


@optimizer
def adam(step_size, b1=0.9, b2=0.999, eps=1e-8):
    """Adam (Kingma, Ba, ICLR 2015)."""
    step_size = make_schedule(step_size)

    def init(x0):
        return x0, jnp.zeros_like(x0), jnp.zeros_like(x0)

    def update(i, g, state):
        x, m, v = state
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * jnp.square(g) + b2 * v
        m_hat = m / (1 - jnp.asarray(b1, m.dtype) ** (i + 1))
        v_hat = v / (1 - jnp.asarray(b2, m.dtype) ** (i + 1))
        return x - step_size(i) * m_hat / (jnp.sqrt(v_hat) + eps), m, v

    return init, update, _first


@optimizer
def adamax(step_size, b1=0.9, b2=0.999, eps=1e-8):
    """Adamax, the variant of Adam with the maximum norm (same paper)."""
    step_size = make_schedule(step_size)

    def init(x0):
        return x0, jnp.zeros_like(x0), jnp.zeros_like(x0)

    def update(i, g, state):
        x, m, v = state
        m = (1 - b1) * g + b1 * m
        v = jnp.maximum(b2 * v, jnp.abs(g))
        scale = step_size(i) / (1 - jnp.asarray(b1, m.dtype) ** (i + 1))
        return x - scale * m / (v + eps), m, v

    return init, update, _first


@optimizer
def sm3(step_size, momentum=0.9):
    """SM3 (Anil, Gupta, Koren, Singer, NeurIPS 2019): Adagrad with one vector an axis."""
    step_size = make_schedule(step_size)

    def along(x, axis):
        shape = [1] * max(x.ndim, 1)
        shape[axis] = -1
        return shape

    def init(x0):
        rows = [jnp.zeros(n, x0.dtype) for n in jnp.atleast_1d(x0).shape]
        return x0, jnp.zeros_like(x0), rows

    def update(i, g, state):
        x, m, rows = state
        spread = [jnp.reshape(v, along(x, k)) for k, v in enumerate(rows)]
        bound = functools.reduce(jnp.minimum, spread)
        squares = jnp.reshape(bound, bound.shape if x.ndim else ()) + jnp.square(g)
        scale = jnp.where(squares > 0, 1.0 / jnp.sqrt(squares), 0.0)
        m = (1.0 - momentum) * (g * scale) + momentum * m
        full = jnp.atleast_1d(squares)
        axes = range(full.ndim)
        rows = [full.max([a for a in axes if a != k]) for k in axes]
        return x - step_size(i) * m, m, rows

    return init, update, _first


# --- schedules ------------------------------------------------------------------------


def constant(step_size):
    """The schedule that always gives `step_size`."""

    def schedule(i):
        return step_size

    return schedule


def exponential_decay(step_size, decay_steps, decay_rate):
    """`step_size * decay_rate ** (i / decay_steps)`."""

    def schedule(i):
        return step_size * decay_rate ** (i / decay_steps)

    return schedule


def inverse_time_decay(step_size, decay_steps, decay_rate, staircase=False):
    """`step_size / (1 + decay_rate * i / decay_steps)`, the quotient floored if
    `staircase`.
    """

    def schedule(i):
        if staircase:
            return step_size / (1 + decay_rate * jnp.floor(i / decay_steps))
        return step_size / (1 + decay_rate * i / decay_steps)

    return schedule


def polynomial_decay(step_size, decay_steps, final_step_size, power=1.0):
    """From `step_size` to `final_step_size` over `decay_steps`, then constant."""

    def schedule(step):
        step = jnp.minimum(step, decay_steps)
        left = (1 - step / decay_steps) ** power
        return left * (step_size - final_step_size) + final_step_size

    return schedule


def piecewise_constant(boundaries, values):
    """`values[k]` between boundaries k - 1 and k.  ValueError unless there is one more
    value than boundaries.
    """
    boundaries, values = jnp.array(boundaries), jnp.array(values)
    if not boundaries.ndim == values.ndim == 1:
        raise ValueError("boundaries and values must be sequences")
    if not boundaries.shape[0] == values.shape[0] - 1:
        raise ValueError("boundaries length must be one shorter than values length")

    def schedule(i):
        return values[jnp.sum(i > boundaries)]

    return schedule


def make_schedule(scalar_or_schedule):
    """A schedule from a number or a schedule.  TypeError for anything else."""
    if callable(scalar_or_schedule):
        return scalar_or_schedule
    if jnp.ndim(scalar_or_schedule) == 0:
        return constant(scalar_or_schedule)
    raise TypeError(type(scalar_or_schedule))


# --- gradients and states ---------------------------------------------------------------


def l2_norm(tree):
    """The 2-norm of all leaves together."""
    return jnp.sqrt(sum(jnp.vdot(x, x) for x in tree_leaves(tree)))


def clip_grads(grad_tree, max_norm):
    """Gradients scaled down to a norm of at most `max_norm`."""
    norm = l2_norm(grad_tree)

    def clip(g):
        return jnp.where(norm < max_norm, g, g * (max_norm / norm))

    return tree_map(clip, grad_tree)


class JoinPoint:
    """Marks, in an unpacked state, where a parameter's own tree begins."""

    def __init__(self, subtree):
        self.subtree = subtree

    def __iter__(self):
        yield self.subtree


def unpack_optimizer_state(opt_state):
    """A state as a pytree like the parameters, with a JoinPoint for each."""
    points = [JoinPoint(state) for state in _states(opt_state)]
    return tree_unflatten(opt_state.tree_def, points)


def pack_optimizer_state(marked_pytree):
    """The state that `unpack_optimizer_state` unpacked."""
    points, tree = tree_flatten(marked_pytree)
    if not all(isinstance(point, JoinPoint) for point in points):
        raise ValueError("every leaf must be a JoinPoint")
    subtrees = [point.subtree for point in points]
    states = [tree_flatten(subtree)[0] for subtree in subtrees]
    structures = tuple(tree_structure(subtree) for subtree in subtrees)
    return OptimizerState(tuple(states), tree, structures)
