"""Plugins that the suite needs; pytest wants them named in the root conftest."""

pytest_plugins = ["pytester"]
