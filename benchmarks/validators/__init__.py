"""The contenders of ``benchmarks/validate.py``."""
