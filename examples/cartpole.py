"""Learns to balance a pole on a cart by policy gradients.

The simulation (Barto, Sutton and Anderson, 1983; the constants of Gym's CartPole) is
jax.numpy: lax.scan runs an episode, jax.vmap many at once, and the gradient
(REINFORCE, Williams, 1992) is that of the actions' probabilities. A falling pole
magnifies any error of rounding, so the simulation is in float64.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

jax.config.update("jax_enable_x64", True)

EPISODES = 32
MAX_STEPS = 100
UPDATES = 40
HIDDEN = 16
LEARNING_RATE = 0.02
DISCOUNT = 0.97


def physics(state, action):
    """The state (position, speed, angle, angular speed) 0.02 s later."""
    _, speed, angle, spin = state
    force = 10.0 * (2 * action - 1)
    cart_and_pole, pole, half_length = 1.1, 0.1, 0.5
    push = (force + pole * half_length * spin**2 * jnp.sin(angle)) / cart_and_pole
    inertia = half_length * (4 / 3 - pole * jnp.cos(angle) ** 2 / cart_and_pole)
    bend = (9.8 * jnp.sin(angle) - jnp.cos(angle) * push) / inertia
    drive = push - pole * half_length * bend * jnp.cos(angle) / cart_and_pole
    return state + 0.02 * jnp.stack([speed, drive, spin, bend])


def is_over(state):
    """The cart has left the track, or the pole leans by more than 12 degrees."""
    return (jnp.abs(state[0]) > 2.4) | (jnp.abs(state[2]) > np.radians(12))


def init_params(key):
    """A network with one hidden layer that begins with a fair coin."""
    return {
        "w1": 0.5 * jax.random.normal(key, (4, HIDDEN)),
        "b1": jnp.zeros(HIDDEN),
        "w2": jnp.zeros(HIDDEN),
    }


def logit_right(params, state):
    """Logit of the probability to push to the right."""
    return jnp.tanh(state @ params["w1"] + params["b1"]) @ params["w2"]


def episode(params, key):
    """States (MAX_STEPS, 4), actions, and whether the episode still ran."""
    start_key, *keys = jax.random.split(key, 2)

    def step(carry, key):
        state, running = carry
        chance = jax.nn.sigmoid(logit_right(params, state))
        action = jax.random.bernoulli(key, chance).astype(float)
        after = physics(state, action)
        carry = jnp.where(running, after, state), running & ~is_over(after)
        return carry, (state, action, running)

    start = jax.random.uniform(start_key, (4,), minval=-0.05, maxval=0.05)
    keys = jax.random.split(keys[0], MAX_STEPS)
    return lax.scan(step, (start, jnp.array(True)), keys)[1]


def returns(running):
    """Discounted number of steps that were still to come at each step."""

    def step(future, alive):
        future = alive * (1.0 + DISCOUNT * future)
        return future, future

    return lax.scan(step, jnp.zeros(()), running, reverse=True)[1]


def loss_fn(params, states, actions, running, advantages):
    """Negative mean of log-probabilities of the actions, weighted by what came of them."""
    logits = logit_right(params, states)
    log_probs = jax.nn.log_sigmoid((2 * actions - 1) * logits)
    return -jnp.sum(running * log_probs * advantages) / jnp.sum(running)


@jax.jit
def play(params, keys):
    """One episode for each key, and the advantages of its actions."""
    states, actions, running = jax.vmap(episode, (None, 0))(params, keys)
    running = running.astype(float)
    gains = jax.vmap(returns)(running)
    mean = jnp.sum(gains * running) / jnp.sum(running)
    deviation = jnp.sqrt(jnp.sum(running * (gains - mean) ** 2) / jnp.sum(running))
    return states, actions, running, (gains - mean) / (deviation + 1e-3)


@jax.jit
def update(params, mean, square, step, played):
    """One step of Adam (Kingma and Ba, 2015)."""
    grads = jax.grad(loss_fn)(params, *played)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, grads)
    square = jax.tree.map(lambda s, g: 0.99 * s + 0.01 * g**2, square, grads)

    def moved(p, m, s):
        m, s = m / (1 - 0.9**step), s / (1 - 0.99**step)
        return p - LEARNING_RATE * m / (jnp.sqrt(s) + 1e-4)

    return jax.tree.map(moved, params, mean, square), mean, square


def main():
    """Play and learn in turns; insist on episodes three times as long as at first."""
    key, init_key = jax.random.split(jax.random.key(0))
    params = init_params(init_key)
    mean = jax.tree.map(jnp.zeros_like, params)
    square = jax.tree.map(jnp.zeros_like, params)
    lengths = []
    for step, step_key in enumerate(jax.random.split(key, UPDATES)):
        played = play(params, jax.random.split(step_key, EPISODES))
        params, mean, square = update(params, mean, square, float(step + 1), played)
        lengths.append(float(np.asarray(played[2]).sum(axis=1).mean()))
        if (step + 1) % 10 == 0:
            print(f"update {step + 1:2d}  mean length {lengths[-1]:.1f}")
    print(f"mean length at first {lengths[0]:.1f}, at last {lengths[-1]:.1f}")
    assert lengths[-1] > 3 * lengths[0], "the pole should stay up for longer"


if __name__ == "__main__":
    main()
