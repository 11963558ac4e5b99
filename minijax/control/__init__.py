"""Primitives that take functions: jit, cond, while, scan, custom rules, remat."""
