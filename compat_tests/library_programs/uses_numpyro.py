"""Models, densities, SVI and NUTS with numpyro."""
# needs: numpyro scipy

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import scipy.sparse
from numpyro import handlers
from numpyro.infer import MCMC, NUTS, SVI, Predictive, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal
from numpyro.infer.util import log_density

x = jnp.linspace(-1.0, 1.0, 12)
y = 0.7 * x + 0.3 + 0.1 * jnp.sin(9 * x)


def model(x, y=None):
    slope = numpyro.sample("slope", dist.Normal(0.0, 1.0))
    shift = numpyro.sample("shift", dist.Normal(0.0, 1.0))
    noise = numpyro.sample("noise", dist.LogNormal(-1.0, 0.5))
    with numpyro.plate("data", x.shape[0]):
        numpyro.sample("y", dist.Normal(slope * x + shift, noise), obs=y)


values = {"slope": 0.5, "shift": 0.1, "noise": 0.4}
print(log_density(model, (x, y), {}, values)[0])
print(jax.grad(lambda v: log_density(model, (x, y), {}, v)[0])(values)["slope"])
trace = handlers.trace(handlers.seed(model, jax.random.key(0))).get_trace(x)
print(trace["y"]["value"])

adjacency = scipy.sparse.csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], float))
car = dist.CAR(0.0, 0.5, 1.0, adjacency, is_sparse=True)
print(car.log_prob(jnp.array([0.1, -0.2, 0.3])))

guide = AutoNormal(model)
svi = SVI(model, guide, numpyro.optim.Adam(0.05), Trace_ELBO())
found = svi.run(jax.random.key(1), 20, x, y, progress_bar=False)
print(found.losses)

mcmc = MCMC(NUTS(model), num_warmup=10, num_samples=5, progress_bar=False)
mcmc.run(jax.random.key(2), x, y)
print({name: draws.shape for name, draws in mcmc.get_samples().items()})
drawn = Predictive(model, {name: jnp.full(3, v) for name, v in values.items()})
print(drawn(jax.random.key(3), x)["y"][:, :2])
