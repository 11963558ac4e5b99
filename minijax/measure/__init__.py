"""What `compare` and `bench` share: processes, clocks, statistics, words, drawing.

Real JAX is imported only in the child processes that these start. `child.py`,
`environment.py`, `clocks.py`, `outputs.py` and `counting.py` are loaded there by their
path and import nothing of minijax.
"""
