"""Rewrites of jaxprs: differentiation, batching, partial evaluation, simplifying."""
