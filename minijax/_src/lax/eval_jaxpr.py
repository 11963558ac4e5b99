"""Evaluating a jaxpr as a primitive; here its equations are written in place."""

from minijax import core


class _EvalJaxpr:
    """`bind(*args, jaxpr=closed)` is the list of the results of a closed jaxpr."""

    name = "eval_jaxpr"
    multiple_results = True

    def __repr__(self):
        return self.name

    def bind(self, *args, jaxpr):
        """Evaluate each equation under the trace in force."""
        return core.eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, *args)


eval_jaxpr_p = _EvalJaxpr()
