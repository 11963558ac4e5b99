"""`while` equations that compute nothing twice: in the condition, and in the turn after it.

Under `vmap` a loop's body begins with its condition, elementwise, to know which elements go
on.  Such a loop is turned: the condition is computed before the loop and at the end of each
turn, on what that turn made, and its result is carried to the next turn with what the body
reads of it.
"""

from minijax.core import ClosedJaxpr, Jaxpr, Literal, Var
from minijax.transforms.dce import dce
from minijax.transforms.rewrite import computed

_LEAST_ELEMENTS = 16  # of a value that is worth a carry


def rotate(eqn, views):
    """The equations that take the place of a `while` equation whose programs have no constants
    of their own: itself, where its body computes nothing that its condition did.

    views: the names of the primitives that are no work.
    """
    loop = _While(eqn)
    if any(e.marks or e.primitive.stays for e in loop.cond.eqns):
        return [eqn]
    again = loop.computed_again(views)
    if not any(v.aval.size >= _LEAST_ELEMENTS for e in again for v in e.outvars):
        return [eqn]
    return loop.turned(again)


class _While:
    """A `while` equation and its parts."""

    def __init__(self, eqn):
        self.eqn, params = eqn, eqn.params
        self.cond, self.body = params["cond_jaxpr"].jaxpr, params["body_jaxpr"].jaxpr
        self.n_cond, self.n_body = params["cond_nconsts"], params["body_nconsts"]
        self.twin = {}  # variable of the body -> that of the condition with its value

    def computed_again(self, views):
        """The body's equations, but for views, whose results the condition had from what is
        carried.
        """
        n_consts = self.n_cond + self.n_body
        consts, carry = self.eqn.invars[:n_consts], self.eqn.invars[n_consts:]
        carried = [object() for _ in carry]
        outer = [*map(_name, consts), *carried]
        values = dict(
            zip(self.cond.invars, [*outer[: self.n_cond], *carried], strict=True)
        )
        made, changing = {}, set(carried)
        for eqn in self.cond.eqns:
            key = _key(eqn, values)
            results = made.setdefault(key, eqn.outvars)
            values.update(zip(eqn.outvars, results, strict=True))
            if any(values.get(a) in changing for a in eqn.invars if type(a) is Var):
                changing.update(results)
        values.update(zip(self.body.invars, outer[self.n_cond :], strict=True))
        found = []
        for eqn in self.body.eqns:
            results = made.get(_key(eqn, values))
            if results is None or eqn.marks or eqn.primitive.stays:
                continue
            values.update(zip(eqn.outvars, results, strict=True))
            if eqn.primitive.name not in views and changing.issuperset(results):
                found.append(eqn)
                self.twin.update(zip(eqn.outvars, results, strict=True))
        return found

    def turned(self, again):
        """The equations of the loop whose body reads the results of `again`."""
        gone, (go,) = set(again), self.cond.outvars
        left = [e for e in self.body.eqns if e not in gone]
        left = dce(self.body.replace(eqns=left))[0].eqns
        read = {a for e in left for a in e.invars if type(a) is Var}
        read.update(a for a in self.body.outvars if type(a) is Var)
        handed = [v for v in self.twin if v in read]
        results = [go, *(self.twin[v] for v in handed)]

        before, atoms = [], self.eqn.invars
        first = self._condition(
            before, atoms[: self.n_cond], atoms[self.n_cond + self.n_body :], results
        )
        consts = [Var(v.aval) for v in self.cond.invars[: self.n_cond]]
        last = self._condition(left, consts, self.body.outvars, results)
        carry = self.body.invars[self.n_body :]
        body = Jaxpr(
            [],
            [*consts, *self.body.invars[: self.n_body], *carry, Var(go.aval), *handed],
            [*self.body.outvars, *last],
            left,
        )
        fresh = [Var(a.aval) for a in (*carry, go, *handed)]
        cond = Jaxpr([], fresh, [fresh[len(carry)]], [])
        params = {
            **self.eqn.params,
            "cond_nconsts": 0, "cond_jaxpr": ClosedJaxpr(cond),
            "body_nconsts": self.n_cond + self.n_body, "body_jaxpr": ClosedJaxpr(body),
        }  # fmt: skip
        outvars = [*self.eqn.outvars, *(Var(a.aval) for a in (go, *handed))]
        loop = self.eqn.replace(invars=[*atoms, *first], outvars=outvars, params=params)
        return [*before, loop]

    def _condition(self, eqns, consts, carry, results):
        """Append the condition's equations on these; what they give for `results`."""
        names = dict(zip(self.cond.invars, [*consts, *carry], strict=True))
        for eqn in self.cond.eqns:
            ins = [names.get(a, a) if type(a) is Var else a for a in eqn.invars]
            outs = [Var(v.aval) for v in eqn.outvars]
            names.update(zip(eqn.outvars, outs, strict=True))
            eqns.append(eqn.replace(invars=ins, outvars=outs))
        return [names.get(a, a) if type(a) is Var else a for a in results]


def _name(atom):
    return atom.identity() if type(atom) is Literal else atom


def _key(eqn, values):
    """What tells equations apart that compute different things; itself where nothing does."""
    ins = [_name(a) if type(a) is Literal else values.get(a, a) for a in eqn.invars]
    return computed(eqn, ins) or eqn
