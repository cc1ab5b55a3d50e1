"""Births, deaths and sizes of the instances of chosen classes: the functions of `tonnage.Tracker`, of one
tracker for the process.

    >>> from tonnage import track
    >>> track.track_class(Session)        # doctest: +SKIP
    >>> track.create_snapshot("start")    # doctest: +SKIP
"""

from __future__ import annotations

from tonnage._tracked_stats import Stats as Stats
from tonnage._tracker import Tracker

default = Tracker()
"""The tracker of these functions."""

track_class = default.track_class
track_object = default.track_object
track_change = default.track_change
detach_class = default.detach_class
detach_object = default.detach_object
detach_all_classes = default.detach_all_classes
detach_all = default.detach_all
clear = default.clear
close = default.close
create_snapshot = default.create_snapshot
start_periodic_snapshots = default.start_periodic_snapshots
stop_periodic_snapshots = default.stop_periodic_snapshots
history = default.history
stats = default.stats
