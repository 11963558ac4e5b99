"""Special functions in float64, slow and obvious: what the fast kernels are checked
against.

Each works element by element with Python floats; results are rounded once, to the dtype
of the last operand. Formulas are those of the Digital Library of Mathematical Functions
(DLMF), named where they are used.
"""

import math

import numpy as np

_INF = math.inf
_NAN = math.nan
_TINY = 1e-300
_EPS = 2.0**-53


def _elementwise(function):
    """`function` of Python floats as a function of arrays that broadcast."""

    def reference(*arrays):
        with np.errstate(all="ignore"):
            arrays = np.broadcast_arrays(*(np.asarray(a) for a in arrays))
        dtype = arrays[-1].dtype
        columns = [a.astype(np.float64).ravel().tolist() for a in arrays]
        values = [function(*row) for row in zip(*columns, strict=True)]
        with np.errstate(all="ignore"):
            return np.array(values, np.float64).reshape(arrays[0].shape).astype(dtype)

    return reference


def _lgamma(x):
    """log |Γ(x)|, infinite at the poles."""
    if x <= 0 and (x == -_INF or x.is_integer()):
        return _INF
    return math.lgamma(x)


def _log(x):
    return math.log(x) if x > 0 else -_INF


def _exp(x):
    """exp, infinite where it overflows."""
    return _INF if x > 709.78 else math.exp(x)


def _erf_inv(y):
    """Newton's method on erf, or on erfc near ±1 where erf has no digits left."""
    if math.isnan(y) or abs(y) > 1:
        return _NAN
    if abs(y) == 1:
        return math.copysign(_INF, y)
    target = 1 - abs(y)
    x = math.sqrt(max(-math.log(target * (1 + abs(y))), 0.0))
    x = min(x, 0.886 * abs(y) / target if abs(y) < 0.5 else x)
    for _ in range(60):
        error = target - math.erfc(x) if abs(y) > 0.5 else math.erf(x) - abs(y)
        slope = 2 / math.sqrt(math.pi) * math.exp(-x * x)
        step = error / slope
        x -= step / (1 + x * step)  # Halley's correction: erf'' = -2 x erf'
        if abs(step) <= _EPS * abs(x):
            break
    return math.copysign(x, y)


def _digamma(x):
    """Recurrence to large x (DLMF 5.5.2), then the asymptotic series (5.11.2)."""
    if math.isnan(x) or x == -_INF:
        return _NAN
    if x == _INF:
        return _INF
    if x <= 0:
        if x.is_integer():
            return _NAN
        fraction = x - math.floor(x)
        return _digamma(1 - x) - math.pi / math.tan(math.pi * fraction)
    total = 0.0
    while x < 12:
        total -= 1 / x
        x += 1
    total += math.log(x) - 0.5 / x
    power = 1.0
    for k, bernoulli in enumerate(_BERNOULLI, 1):
        power /= x * x
        total -= bernoulli * power / (2 * k)
    return total


# B_2, B_4, ... B_24 (DLMF 24.2)
_BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510,
    43867 / 798, -174611 / 330, 854513 / 138, -236364091 / 2730,
)  # fmt: skip


def _zeta(s, q):
    """Hurwitz's zeta by Euler and Maclaurin's formula (DLMF 25.11.28)."""
    if s == 1:
        return _INF
    if math.isnan(s) or math.isnan(q):
        return _NAN
    if q <= 0 and (
        q == -_INF or q.is_integer()
    ):  # a pole; +inf on both sides if s is even
        return _INF if math.isfinite(s) and s % 2 == 0 else _NAN
    if s < 1 or math.isinf(s) or q == _INF or (q <= 0 and not s.is_integer()):
        return _NAN
    terms = 12
    total = sum(_power(q + k, -s) for k in range(terms))
    a = q + terms
    while a < 12:  # a negative q: sum until the tail's formula holds
        total += _power(a, -s)
        a += 1
    total += _power(a, 1 - s) / (s - 1) + 0.5 * _power(a, -s)
    factor = s
    power = _power(a, -s - 1)
    for k, bernoulli in enumerate(_BERNOULLI, 1):
        total += bernoulli / math.factorial(2 * k) * factor * power
        factor *= (s + 2 * k - 1) * (s + 2 * k)
        power /= a * a
    return total


def _power(x, y):
    try:
        return math.pow(x, y)
    except OverflowError:
        return -_INF if x < 0 and y % 2 == 1 else _INF
    except (ValueError, ZeroDivisionError):
        return _INF


def _polygamma(m, x):
    """The m-th derivative of digamma, by Hurwitz's zeta (DLMF 25.11.12)."""
    if m == 0:
        return _digamma(x)
    if m < 0 or not m.is_integer():
        return _NAN
    sign = -1.0 if m % 2 == 0 else 1.0
    return sign * _exp(math.lgamma(m + 1)) * _zeta(m + 1, x)


def _bessel_ie(order):
    """exp(-|x|) I_n(x) for n = 0, 1."""

    def value(x):
        if math.isnan(x):
            return _NAN
        size = abs(x)
        if size > 500:
            result = _bessel_ie_large(order, size)
        else:
            result = _bessel_ie_integral(order, size)
        return math.copysign(result, x) if order else result

    return value


def _bessel_ie_integral(order, x):
    """The trapezoidal rule on DLMF 10.32.3, which converges exponentially."""
    n = 400
    points = (math.pi * (k + 0.5) / n for k in range(n))
    return math.fsum(
        math.exp(x * (math.cos(t) - 1)) * math.cos(order * t) for t in points
    ) / n  # fmt: skip


def _bessel_ie_large(order, x):
    """The asymptotic series DLMF 10.40.1."""
    if x == _INF:
        return 0.0
    total = term = 1.0
    for k in range(1, 12):
        term *= -(4 * order**2 - (2 * k - 1) ** 2) / (8 * k * x)
        total += term
    return total / math.sqrt(2 * math.pi * x)


def _igamma_edge(a, x):
    """P(a, x) where it needs no summing, else None."""
    if math.isnan(a) or math.isnan(x) or a < 0 or x < 0 or a == x == 0:
        return _NAN
    if a == 0 or x == _INF:
        return 1.0
    return 0.0 if x == 0 or a == _INF else None


def _igamma_series(a, x):
    """P(a, x) by DLMF 8.11.4."""
    term = total = 1.0
    n = a
    while term > _EPS * total * 1e-2:
        n += 1
        term *= x / n
        total += term
    return total * math.exp(a * math.log(x) - x - math.lgamma(a + 1))


def _igammac_fraction(a, x):
    """Q(a, x) by the continued fraction DLMF 8.9.2, evaluated by Lentz's method."""
    b = x + 1 - a
    c = 1 / _TINY
    d = 1 / b if b else 1 / _TINY
    h = d
    for k in range(1, 100_000):
        factor = -k * (k - a)
        b += 2
        d = 1 / (factor * d + b or _TINY)
        c = b + factor / c or _TINY
        h *= c * d
        if abs(c * d - 1) < 4 * _EPS:
            break
    return h * math.exp(a * math.log(x) - x - math.lgamma(a))


def _igamma(a, x):
    edge = _igamma_edge(a, x)
    if edge is not None:
        return edge
    if x < a + 1:
        return _igamma_series(a, x)
    return 1 - _igammac_fraction(a, x)


def _igammac(a, x):
    edge = _igamma_edge(a, x)
    if edge is not None:
        return 1 - edge
    if x < a + 1:
        return 1 - _igamma_series(a, x)
    return _igammac_fraction(a, x)


def _igamma_grad_a(a, x):
    """How a sample at a fixed quantile moves with a, times minus the density."""
    if math.isnan(a) or math.isnan(x) or a <= 0 or x < 0:
        return _NAN
    if x == 0:
        return 0.0
    if math.isinf(a + x):
        return _NAN
    density = _exp((a - 1) * math.log(x) - x - math.lgamma(a))
    return -density * _random_gamma_grad(a, x) if density else 0.0


def _random_gamma_grad(a, x):
    """-(dP/da) / (dP/dx): how a sample at a fixed quantile moves with a."""
    if math.isnan(a) or math.isnan(x) or a <= 0 or x < 0:
        return _NAN
    if x == 0:
        return 0.0
    if math.isinf(a + x):
        return _NAN
    return _quantile_slope_tail(a, x) if x > 2 * a + 10 else _quantile_slope(a, x)


def _quantile_slope(a, x):
    """The derivative of DLMF 8.11.4 in a, term by term, over the density.

    With w_n = x^(n+1) Γ(a) / Γ(a+n+1), P over the density is the sum of w_n, and the
    derivative in a of P over the density the sum of w_n (log x - ψ(a+n+1)).
    """
    log_x, log_gamma = math.log(x), math.lgamma(a)
    terms, n, psi, largest = [], 0, _digamma(a + 1), -_INF
    while True:
        log_weight = (n + 1) * log_x + log_gamma - math.lgamma(a + n + 1)
        largest = max(largest, log_weight)
        terms.append(math.exp(log_weight) * (psi - log_x))
        if a + n > x and log_weight < largest - 80:
            return math.fsum(terms)
        n += 1
        psi += 1 / (a + n)


def _quantile_slope_tail(a, x):
    """∫ (log(x+u) - ψ(a)) (1 + u/x)^(a-1) exp(-u) du, from Q = 1 - P, by quadrature."""
    psi = _digamma(a)
    nodes, weights = np.polynomial.laguerre.laggauss(60)
    return math.fsum(
        w * (math.log(x + u) - psi) * math.exp((a - 1) * math.log1p(u / x))
        for u, w in zip(nodes.tolist(), weights.tolist(), strict=True)
    )


def _betainc(a, b, x):
    """I_x(a, b) by the continued fraction DLMF 8.17.22."""
    if math.isnan(a + b + x) or a < 0 or b < 0 or not 0 <= x <= 1:
        return _NAN
    if a == b and a in (0, _INF):
        return _NAN
    if x in (0, 1):
        return float(x)
    if a in (0, _INF) or b in (0, _INF):
        return 1.0 if a == 0 or b == _INF else 0.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _betainc(b, a, 1 - x)
    log_front = a * math.log(x) + b * math.log1p(-x)
    log_front -= math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp(log_front) / a / _betainc_fraction(a, b, x)


def _betainc_fraction(a, b, x):
    """The denominator 1 + d_1/(1 + d_2/(1 + ...)), by Lentz's method."""
    c = h = 1.0
    d = 0.0
    for n in range(1, 20_000):
        m = n // 2
        if n % 2:
            factor = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            factor = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + factor * d or _TINY)
        c = 1 + factor / c or _TINY
        h *= c * d
        if abs(c * d - 1) < 4 * _EPS:
            break
    return h


erf_reference = _elementwise(math.erf)
erfc_reference = _elementwise(math.erfc)
erf_inv_reference = _elementwise(_erf_inv)
lgamma_reference = _elementwise(_lgamma)
digamma_reference = _elementwise(_digamma)
polygamma_reference = _elementwise(_polygamma)
zeta_reference = _elementwise(_zeta)
bessel_i0e_reference = _elementwise(_bessel_ie(0))
bessel_i1e_reference = _elementwise(_bessel_ie(1))
igamma_reference = _elementwise(_igamma)
igammac_reference = _elementwise(_igammac)
igamma_grad_a_reference = _elementwise(_igamma_grad_a)
random_gamma_grad_reference = _elementwise(_random_gamma_grad)
regularized_incomplete_beta_reference = _elementwise(_betainc)
