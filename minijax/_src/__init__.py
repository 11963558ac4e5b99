"""The few names private to JAX that public libraries import, as adapters.

Nothing of minijax's own is here: each module says which library needs it.
"""
