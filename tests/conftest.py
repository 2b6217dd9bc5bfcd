"""For every test."""

from hypothesis import settings

# A deadline would measure the machine's other work, and the suite has no timed assertions.
settings.register_profile("modelgate", deadline=None)
settings.load_profile("modelgate")
