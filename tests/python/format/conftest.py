"""Settings for Hypothesis: a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("ubp", deadline=None)
settings.load_profile("ubp")
