"""`python -m minijax bench`: the cases in `benchmarks/`, on JAX and on minijax.

`cli.main` is the command line, `runner.measure` runs the processes, `results` makes
figures of what they measured. benchmarks/README.md says what a case is.
"""
