"""Swings up a pendulum whose motor is too weak to lift it at once.

A simulation of rigid-body physics under lax.scan, and its gradient: the torque at each
moment is found by descent through the whole simulation. In float64, as physics often is.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

jax.config.update("jax_enable_x64", True)

GRAVITY = 9.81  # m/s^2; the pendulum is 1 m long and weighs 1 kg
MAX_TORQUE = 3.0  # N m; holding it level takes 9.81
TIME_STEP = 0.05  # s
STEPS = 100
ITERATIONS = 150
LEARNING_RATE = 0.5


def derivative(state, torque):
    """Rate of change of the angle (0 hangs down, radians) and of its velocity."""
    angle, velocity = state
    return jnp.stack([velocity, torque - GRAVITY * jnp.sin(angle)])


def runge_kutta(state, torque):
    """The state after one time step: the classical method of fourth order."""
    h = TIME_STEP
    k1 = derivative(state, torque)
    k2 = derivative(state + h / 2 * k1, torque)
    k3 = derivative(state + h / 2 * k2, torque)
    k4 = derivative(state + h * k3, torque)
    return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


@jax.jit
def simulate(start, torques):
    """The states after each time step, (STEPS, 2)."""

    def step(state, torque):
        state = runge_kutta(state, torque)
        return state, state

    return lax.scan(step, start, torques)[1]


def energy(states):
    """Joules above hanging at rest; 2 * GRAVITY is upright at rest."""
    angles, velocities = states[..., 0], states[..., 1]
    return velocities**2 / 2 + GRAVITY * (1 - jnp.cos(angles))


def torques_of(plan):
    """A plan is free; torques stay between -MAX_TORQUE and MAX_TORQUE."""
    return MAX_TORQUE * jnp.tanh(plan)


def cost(plan, start):
    """Distance from upright at rest over the last tenth of the time."""
    states = simulate(start, torques_of(plan))[-STEPS // 10 :]
    height = 1 + jnp.cos(states[:, 0])
    return jnp.mean(height + 0.1 * states[:, 1] ** 2) + 1e-3 * jnp.mean(plan**2)


@jax.jit
def improve(plan, velocity, start):
    """One step of descent with momentum 0.9, along a gradient of bounded length."""
    value, gradient = jax.value_and_grad(cost)(plan, start)
    gradient = gradient / jnp.maximum(1.0, jnp.linalg.norm(gradient))
    velocity = 0.9 * velocity + gradient
    return plan - LEARNING_RATE * velocity, velocity, value


def main():
    """Check the physics, plan the torques, and insist on an upright pendulum."""
    swinging = jnp.array([2.0, 0.0])
    energies = energy(simulate(swinging, jnp.zeros(STEPS)))
    drift = float(jnp.max(jnp.abs(energies / energy(swinging) - 1)))
    print(f"left alone, it keeps its energy to {drift:.1e}")
    assert drift < 1e-3, "a pendulum without a motor keeps its energy"

    hanging = jnp.zeros(2)
    plan = jnp.sin(3.0 * TIME_STEP * jnp.arange(STEPS))
    velocity = jnp.zeros_like(plan)
    for iteration in range(ITERATIONS):
        plan, velocity, value = improve(plan, velocity, hanging)
        if (iteration + 1) % 30 == 0:
            print(f"iteration {iteration + 1:3d}  cost {float(value):.4f}")
    states = np.asarray(simulate(hanging, torques_of(plan)))
    angle, speed = states[-1]
    print(f"at the end: angle {np.degrees(angle):.1f} degrees, {speed:.2f} rad/s")
    assert np.cos(angle) < -0.98 and abs(speed) < 0.5, "it should stand upright"


if __name__ == "__main__":
    main()
