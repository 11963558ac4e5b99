"""`jax.scipy.spatial.transform`: rotations and the interpolation between them."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import minijax.numpy as jnp
from minijax import config
from minijax.numpy import linalg
from minijax.scipy.spatial import quaternions

__all__ = ["Rotation", "Slerp"]

_rank_promotion = config.context_manager("jax_numpy_rank_promotion")


def _euler_axes(seq):
    """(the axes named by `seq` as numbers, whether they turn with the body)."""
    intrinsic = re.fullmatch("[XYZ]{1,3}", seq) is not None
    if not intrinsic and re.fullmatch("[xyz]{1,3}", seq) is None:
        raise ValueError(
            f"Expected axes from `seq` to be from ['x', 'y', 'z'] or ['X', 'Y', 'Z'], "
            f"got {seq}"
        )
    if any(a == b for a, b in pairwise(seq)):
        raise ValueError(f"Expected consecutive axes to be different, got {seq}")
    return jnp.array(["xyz".index(name) for name in seq.lower()]), intrinsic


class Rotation(NamedTuple):
    """Rotations in three dimensions.

    quat: unit quaternions (x, y, z, w), of shape (4,) or (n, 4)
    """

    quat: Any

    @classmethod
    def concatenate(cls, rotations: Sequence) -> "Rotation":
        """Several sequences of rotations as one."""
        return cls(jnp.concatenate([rotation.quat for rotation in rotations]))

    @classmethod
    def from_euler(cls, seq: str, angles: Any, degrees: bool = False) -> "Rotation":
        """From angles about up to three axes: `xyz` that stay, or `XYZ` that turn."""
        if not 1 <= len(seq) <= 3:
            raise ValueError(
                "Expected axis specification to be a non-empty string of upto 3 "
                f"characters, got {seq}"
            )
        axes, intrinsic = _euler_axes(seq)
        angles = jnp.atleast_1d(angles)
        return cls(quaternions.from_euler(angles, axes, intrinsic, degrees))

    @classmethod
    def from_matrix(cls, matrix: Any) -> "Rotation":
        """From rotation matrices, of shape (..., 3, 3)."""
        return cls(quaternions.from_matrix(matrix))

    @classmethod
    def from_mrp(cls, mrp: Any) -> "Rotation":
        """From modified Rodrigues parameters, axis * tan(angle / 4)."""
        return cls(quaternions.from_mrp(mrp))

    @classmethod
    def from_quat(cls, quat: Any) -> "Rotation":
        """From quaternions (x, y, z, w) of any length."""
        return cls(quaternions.normalize(quat))

    @classmethod
    def from_rotvec(cls, rotvec: Any, degrees: bool = False) -> "Rotation":
        """From rotation vectors, axis * angle."""
        return cls(quaternions.from_rotvec(rotvec, degrees))

    @classmethod
    def identity(cls, num: int | None = None, dtype: Any = float) -> "Rotation":
        """The rotation that leaves everything in place; AssertionError where num is given."""
        assert num is None
        return cls(jnp.array([0.0, 0.0, 0.0, 1.0], dtype=dtype))

    @classmethod
    def random(cls, random_key: Any, num: int | None = None) -> "Rotation":
        """NotImplementedError, as in JAX."""
        raise NotImplementedError()

    def __getitem__(self, indexer):
        if self.single:
            raise TypeError("Single rotation is not subscriptable.")
        return Rotation(self.quat[indexer])

    def __len__(self):
        if self.single:
            raise TypeError("Single rotation has no len().")
        return self.quat.shape[0]

    def __mul__(self, other):
        return Rotation.from_quat(quaternions.compose(self.quat, other.quat))

    def apply(self, vectors: Any, inverse: bool = False) -> Any:
        """Vectors of shape (..., 3), turned; turned back if `inverse`."""
        return quaternions.apply(self.as_matrix(), vectors, inverse)

    def as_euler(self, seq: str, degrees: bool = False) -> Any:
        """Angles about three axes, as `from_euler` takes them."""
        if len(seq) != 3:
            raise ValueError(f"Expected 3 axes, got {seq}.")
        axes, intrinsic = _euler_axes(seq)
        # The three axes are the same for all rotations.
        with _rank_promotion("allow"):
            return quaternions.to_euler(self.quat, axes, not intrinsic, degrees)

    def as_matrix(self) -> Any:
        """Rotation matrices, of shape (..., 3, 3)."""
        return quaternions.to_matrix(self.quat)

    def as_mrp(self) -> Any:
        """Modified Rodrigues parameters."""
        return quaternions.to_mrp(self.quat)

    def as_rotvec(self, degrees: bool = False) -> Any:
        """Rotation vectors, axis * angle."""
        return quaternions.to_rotvec(self.quat, degrees)

    def as_quat(self, canonical: bool = False, scalar_first: bool = False) -> Any:
        """Quaternions (x, y, z, w), or (w, x, y, z) if `scalar_first`."""
        quat = quaternions.canonical(self.quat) if canonical else self.quat
        return jnp.roll(quat, shift=1, axis=-1) if scalar_first else quat

    def inv(self) -> "Rotation":
        """The rotations back."""
        return Rotation(quaternions.inverse(self.quat))

    def magnitude(self) -> Any:
        """The angles of the rotations, from 0 to pi."""
        return quaternions.magnitude(self.quat)

    def mean(self, weights: Any = None) -> "Rotation":
        """The rotation nearest to all, by their weights.

        Markley et al., J. Guidance, Control and Dynamics 30(4), 2007.
        """
        if weights is None:
            weights = jnp.ones(self.quat.shape[0], dtype=self.quat.dtype)
        weights = jnp.asarray(weights, dtype=self.quat.dtype)
        if weights.ndim != 1:
            raise ValueError(
                f"Expected `weights` to be 1 dimensional, got shape {weights.shape}."
            )
        if weights.shape[0] != len(self):
            raise ValueError(
                "Expected `weights` to have number of values equal to number of "
                f"rotations, got {weights.shape[0]} values and {len(self)} rotations."
            )
        _, vectors = linalg.eigh(jnp.dot(weights[None, :] * self.quat.T, self.quat))
        return Rotation(vectors[:, -1])

    @property
    def single(self) -> bool:
        """Whether this is one rotation, not a sequence."""
        return self.quat.ndim == 1


class Slerp(NamedTuple):
    """Interpolation between rotations, along the shortest turn; made by `Slerp.init`."""

    times: Any
    timedelta: Any
    rotations: Rotation
    rotvecs: Any

    @classmethod
    def init(cls, times: Any, rotations: Rotation) -> "Slerp":
        """Through `rotations` at increasing `times`.

        TypeError or ValueError for what is no sequence of at least two rotations, or
        for times of another number.
        """
        if not isinstance(rotations, Rotation):
            raise TypeError("`rotations` must be a `Rotation` instance.")
        if rotations.single or len(rotations) == 1:
            raise ValueError("`rotations` must be a sequence of at least 2 rotations.")
        times = jnp.asarray(times, dtype=rotations.quat.dtype)
        if times.ndim != 1:
            raise ValueError(
                "Expected times to be specified in a 1 dimensional array, got "
                f"{times.ndim} dimensions."
            )
        if times.shape[0] != len(rotations):
            raise ValueError(
                "Expected number of rotations to be equal to number of timestamps given, "
                f"got {len(rotations)} rotations and {times.shape[0]} timestamps."
            )
        starts, ends = Rotation(rotations.quat[:-1]), Rotation(rotations.quat[1:])
        turns = (starts.inv() * ends).as_rotvec()
        return cls(times, jnp.diff(times), starts, turns)

    def __call__(self, times: Any) -> Rotation:
        """The rotations at `times`, a number or an array of one axis."""
        times = jnp.asarray(times, dtype=self.times.dtype)
        if times.ndim > 1:
            raise ValueError("`times` must be at most 1-dimensional.")
        every = jnp.atleast_1d(times)
        part = jnp.maximum(jnp.searchsorted(self.times, every) - 1, 0)
        share = (every - self.times[part]) / self.timedelta[part]
        turn = Rotation.from_rotvec(self.rotvecs[part] * share[:, None])
        found = self.rotations[part] * turn
        return found if times.ndim else found[0]
