"""Quality gates for served models, as a pytest plugin."""

__version__ = "0.1.0"
