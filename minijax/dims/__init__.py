"""Sizes that are expressions of variables, for functions exported for many shapes.

expr: the expressions, in a normal form; scope: which of them belong together, and what is
required of the variables; parse: text to expressions; bounds, simplex: what is surely true
of an expression; solve: the variables' values from the shapes of arguments; instantiate: a
jaxpr at given sizes.

Loaded with `jax.export`.
"""
