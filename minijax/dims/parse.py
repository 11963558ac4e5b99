"""Texts of symbolic shapes: `"b, 2*c + 1, ..."`."""

import re
from typing import Any

from minijax.dims.expr import (
    MAX,
    MIN,
    OPERATIONS,
    extreme,
    from_variable,
    is_symbolic_dim,
    operation,
)

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?![.\w]))|(?P<name>[^\W\d]\w*)|(?P<rest>\.\.\.)"
    r"|(?P<sign>[-+*^(),])|(?P<other>\S))"
)
_END = "the end"


def parse_shape(text: str, scope, like=None) -> tuple:
    """The sizes that a text says: numbers and `Dim`s of a scope.

    like: the shape that `_` and `...` are read from.  ValueError for other texts.
    """
    return _Parser(text, scope, like).shape()


class _Parser:
    """Reads a text from left to right; `token` is the next one, `kind` what it is."""

    def __init__(self, text, scope, like):
        self.text, self.scope, self.like = text, scope, like
        self.dims: list[Any] = []
        self.at = 0
        self.token: Any = None
        self.advance()

    def advance(self):
        """Go on to the next token; the one before."""
        token = self.token
        found = _TOKEN.match(self.text, self.at)
        self.start = self.at
        if found is None:
            self.kind = self.token = _END
        else:
            self.kind = str(found.lastgroup)
            self.token = found.group(self.kind)
            self.at = found.end()
        return token

    def error(self, why):
        """The error that says why this is no shape, and up to where it was read."""
        return ValueError(
            f"syntax error in symbolic shape {self.text!r} in dimension {len(self.dims)}: "
            f"{why}. Parsed '{self.text[: self.start]}', remaining "
            f"'{self.text[self.start :]}'."
        )

    def expect(self, *tokens):
        """Go on to the next token if the next one is one of these."""
        if self.token not in tokens:
            wanted = " or ".join(map(repr, tokens))
            raise self.error(f"expecting {wanted} but found {self.token!r}")
        return self.advance()

    def shape(self):
        """A whole text: sizes with commas between them, within parentheses or not."""
        depth = 0
        while self.token == "(":
            self.advance()
            depth += 1
        while self.token not in (_END, ")"):
            if self.kind == "rest":
                self.fill_rest()
                break
            self.size()
            if self.token in (_END, ")"):
                break
            self.expect(",")
        for _ in range(depth):
            self.expect(")")
        self.expect(_END)
        return tuple(self.dims)

    def fill_rest(self):
        """`...`: all other sizes of `like`."""
        self.check_like(len(self.dims))
        for n in self.like[len(self.dims) :]:
            self.add(n)
        self.advance()

    def size(self):
        """One size of the shape, which may be the one that `like` has there."""
        if self.token != "_":
            return self.add(self.sum())
        self.check_like(len(self.dims) + 1)
        self.advance()
        return self.add(self.like[len(self.dims)])

    def check_like(self, n):
        """That there is a `like`, of at least n sizes."""
        if self.like is None:
            raise self.error("spec contains ... but no 'like' shape was given")
        if len(self.like) < n:
            raise self.error(
                f"cannot resolve placeholder '{self.token}' because we parsed "
                f"{len(self.dims)} already and 'like' shape has only {len(self.like)} "
                "dimensions"
            )

    def add(self, size):
        """One more size of the shape."""
        if size is None:
            raise self.error(
                f"unexpected placeholder for unknown dimension; like={self.like}"
            )
        if self.like is not None and not is_symbolic_dim(size):
            known = (
                self.like[len(self.dims)] if len(self.dims) < len(self.like) else None
            )
            if size != known:
                raise self.error(
                    f"different size {size} for known dimension; like={self.like}"
                )
        self.dims.append(size)

    def sum(self):
        """Products with signs between them."""
        total: Any = 0
        sign = "+"
        if self.token in ("+", "-"):
            sign = self.advance()
        while True:
            product = self.product()
            total = total - product if sign == "-" else total + product
            if self.token in (_END, ")", ","):
                return total
            sign = self.expect("+", "-")

    def product(self):
        """Powers of factors with `*` between them."""
        total: Any = 1
        while True:
            factor = self.factor()
            if self.token == "^":
                self.advance()
                factor = factor ** self.number()
            total = total * factor
            if self.token != "*":
                return total
            self.advance()

    def number(self):
        """A natural number."""
        if self.kind != "number":
            raise self.error(f"expecting integer, found {self.token!r}")
        return int(self.advance())

    def factor(self):
        """A number, a variable, or an operation on two sums."""
        if self.token == "-":
            self.advance()
            return -self.number()
        if self.kind == "number":
            return self.number()
        if self.kind != "name" or self.token == "_":
            raise self.error(
                f"expecting a name, a number or '-' but found {self.token!r}"
            )
        name = self.advance()
        if name not in OPERATIONS:
            return from_variable(name, self.scope)
        self.expect("(")
        a = self.sum()
        self.expect(",")
        b = self.sum()
        self.expect(")")
        if name in (MAX, MIN):
            return extreme(name, a, b)
        return operation(name, a, b, scope=self.scope)
