"""One JAX script on real JAX and on minijax: proved equal, its time explained.

`python -m minijax compare SCRIPT` is `cli.main`; from Python, `runner.measure` runs the
processes, `equality.compare_measurement` judges the results and `summary.summarise`
makes the report's data. docs/compare.md says what is measured and how.
"""
