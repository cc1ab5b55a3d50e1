"""What Hypothesis draws is the same in every run: a change is judged by what it changes.

`pytest --hypothesis-profile=default` draws anew, and remembers what failed.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")
