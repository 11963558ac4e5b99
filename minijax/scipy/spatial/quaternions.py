"""Rotations in three dimensions as unit quaternions (x, y, z, w), w the real part.

Every function takes one rotation, and is mapped over leading axes by `vectorize`.
Angles are in radians unless `degrees` is true.
"""

from functools import partial

import numpy as np

import minijax.numpy as jnp
from minijax.numpy.functional import vectorize

# below this angle the series are exact in every precision that is used
_SMALL_ANGLE = 1e-3
# within this distance of 0 or pi the middle Euler angle leaves the others undetermined
_GIMBAL_LOCK = 1e-7


def _norm(vector):
    return jnp.sqrt(jnp.dot(vector, vector))


@partial(vectorize, signature="(n)->(n)")
def normalize(quat):
    """The quaternion of length 1 with this direction."""
    return quat / _norm(quat)


@partial(vectorize, signature="(n)->(n)")
def canonical(quat):
    """Of a quaternion and its negative, the one whose first nonzero of w x y z is > 0."""
    order = jnp.roll(quat, 1)
    zeros_before = jnp.cumprod(jnp.concatenate([jnp.ones(1, bool), order[:-1] == 0]))
    return jnp.where(jnp.any((order < 0) & (zeros_before == 1)), -quat, quat)


@partial(vectorize, signature="(n)->(n)")
def inverse(quat):
    """The rotation back."""
    return quat * jnp.array([-1, -1, -1, 1], dtype=quat.dtype)


@partial(vectorize, signature="(n),(n)->(n)")
def compose(p, q):
    """Hamilton's product: the rotation q, then p."""
    u, v = p[:3], q[:3]
    vector = p[3] * v + q[3] * u + jnp.cross(u, v)
    return jnp.append(vector, p[3] * q[3] - p[0] * q[0] - p[1] * q[1] - p[2] * q[2])


@partial(vectorize, signature="(m,m),(m),()->(m)")
def apply(matrix, vector, inverted):
    """A vector turned by a rotation matrix, or back."""
    return jnp.where(inverted, matrix.T, matrix) @ vector


@partial(vectorize, signature="(n)->()")
def magnitude(quat):
    """The angle of the rotation, from 0 to pi."""
    return 2.0 * jnp.arctan2(_norm(quat[:3]), jnp.abs(quat[3]))


@partial(vectorize, signature="(m)->(n,n)")
def to_matrix(quat):
    """The rotation matrix."""
    x, y, z, w = quat
    xx, yy, zz, ww = x * x, y * y, z * z, w * w
    rows = [
        [xx - yy - zz + ww, 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), -xx + yy - zz + ww, 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), -xx - yy + zz + ww],
    ]
    return jnp.array(rows)


@partial(vectorize, signature="(m,m)->(n)")
def from_matrix(matrix):
    """The quaternion of a rotation matrix, found from its largest component.

    Shepperd, J. Guidance and Control 1(3), 1978: the trace decides for w, the largest
    diagonal element for one of x, y, z.
    """
    trace = matrix[0, 0] + matrix[1, 1] + matrix[2, 2]
    i = jnp.argmax(jnp.append(jnp.diagonal(matrix), trace))
    j, k = (i + 1) % 3, (i + 2) % 3
    largest = jnp.zeros(4, matrix.dtype)
    largest = largest.at[i].set(1 - trace + 2 * matrix[i, i])
    largest = largest.at[j].set(matrix[j, i] + matrix[i, j])
    largest = largest.at[k].set(matrix[k, i] + matrix[i, k])
    largest = largest.at[3].set(matrix[k, j] - matrix[j, k])
    skew = matrix - matrix.T
    real = jnp.stack([skew[2, 1], skew[0, 2], skew[1, 0], 1 + trace])
    return normalize(jnp.where(i != 3, largest, real))


@partial(vectorize, signature="(m)->(n)")
def from_mrp(mrp):
    """The quaternion of modified Rodrigues parameters: axis * tan(angle / 4)."""
    square = jnp.dot(mrp, mrp) + 1
    return jnp.append(2 * mrp[:3], 2 - square) / square


@partial(vectorize, signature="(m)->(n)")
def to_mrp(quat):
    """Modified Rodrigues parameters, of length at most 1."""
    sign = jnp.where(quat[3] < 0, -1.0, 1.0)
    return sign * quat[:3] / (1.0 + sign * quat[3])


@partial(vectorize, signature="(m),()->(n)")
def from_rotvec(vector, degrees):
    """The quaternion of a rotation vector: axis * angle."""
    vector = jnp.where(degrees, jnp.deg2rad(vector), vector)
    angle = _norm(vector)
    square = angle * angle
    series = 0.5 - square / 48 + square * square / 3840
    exact = jnp.sin(angle / 2) / angle
    scale = jnp.where(angle <= _SMALL_ANGLE, series, exact)
    return jnp.append(scale * vector, jnp.cos(angle / 2))


@partial(vectorize, signature="(m),()->(n)")
def to_rotvec(quat, degrees):
    """The rotation vector, of length at most pi."""
    quat = jnp.where(quat[3] < 0, -quat, quat)
    angle = 2.0 * jnp.arctan2(_norm(quat[:3]), quat[3])
    square = angle * angle
    series = 2 + square / 12 + 7 * square * square / 2880
    exact = angle / jnp.sin(angle / 2)
    scale = jnp.where(angle <= _SMALL_ANGLE, series, exact)
    return jnp.where(degrees, jnp.rad2deg(scale), scale) * quat[:3]


def _about(axis, angle):
    """A rotation about one of the three axes."""
    quat = jnp.zeros(4, angle.dtype).at[3].set(jnp.cos(angle / 2.0))
    return quat.at[axis].set(jnp.sin(angle / 2.0))


@partial(vectorize, signature="(m),(m),(),()->(n)")
def from_euler(angles, axes, intrinsic, degrees):
    """Rotations about `axes` one after the other, about the turning axes if intrinsic."""
    angles = jnp.where(degrees, jnp.deg2rad(angles), angles)
    total = _about(axes[0], angles[0])
    for axis, angle in zip(axes[1:], angles[1:], strict=True):
        quat = _about(axis, angle)
        total = jnp.where(intrinsic, compose(total, quat), compose(quat, total))
    return total


@partial(vectorize, signature="(m),(l),(),()->(n)")
def to_euler(quat, axes, extrinsic, degrees):
    """Three Euler angles.

    Bernardes and Viollet, PLoS ONE 17(11), 2022: a rotation whose first and last axis
    differ is seen as one where they are the same, a quarter turn further.
    """
    i, j, k = jnp.where(extrinsic, axes, axes[::-1])
    proper = i == k
    k = jnp.where(proper, 3 - i - j, k)
    sign = jnp.array((i - j) * (j - k) * (k - i) // 2, dtype=quat.dtype)
    x, y, z, w = quat[i], quat[j], quat[k] * sign, quat[3]
    a = jnp.where(proper, w, w - y)
    b = jnp.where(proper, x, x + z)
    c = jnp.where(proper, y, y + w)
    d = jnp.where(proper, z, z - x)
    middle = 2 * jnp.arctan2(jnp.hypot(c, d), jnp.hypot(a, b))
    half_sum, half_difference = jnp.arctan2(b, a), jnp.arctan2(d, c)
    at_zero = jnp.abs(middle) <= _GIMBAL_LOCK
    locked = at_zero | (jnp.abs(middle - np.pi) <= _GIMBAL_LOCK)
    # in gimbal lock the angle that comes first takes the whole turn
    turn = jnp.where(extrinsic, -2, 2) * half_difference
    whole = jnp.where(at_zero, 2 * half_sum, turn)
    low = jnp.where(locked, 0, half_sum - half_difference)
    high = jnp.where(locked, 0, half_sum + half_difference)
    whole_first = jnp.where(locked, whole, jnp.where(extrinsic, low, high))
    last = jnp.where(extrinsic, high, low)
    # the angle about the axis that `sign` belongs to
    turned = jnp.where(proper, 1, sign)
    first = jnp.where(extrinsic, whole_first, whole_first * turned)
    last = jnp.where(extrinsic, last * turned, last)
    middle = jnp.where(proper, middle, middle - np.pi / 2)
    angles = jnp.stack([first, middle, last]).astype(quat.dtype)
    angles = (angles + np.pi) % (2 * np.pi) - np.pi
    return jnp.where(degrees, jnp.rad2deg(angles), angles)
