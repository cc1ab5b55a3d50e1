"""What is known of the process and of the capture."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    Fact = int | float | str


class Facts:
    """Properties of a snapshot that are facts of the process (docs/facts.md)."""

    __slots__ = ()

    @property
    def facts(self) -> dict[str, Fact]:
        """Everything recorded about the process and the capture (docs/facts.md), as a new dict."""
        raise NotImplementedError

    def _number(self, key: str) -> int | None:
        value = self.facts.get(key)
        return None if value is None else int(value)

    def _text(self, key: str) -> str | None:
        value = self.facts.get(key)
        return None if value is None else str(value)

    @property
    def pid(self) -> int | None:
        """Process id."""
        return self._number("process.pid")

    @property
    def time(self) -> datetime | None:
        """When the pause began, in UTC."""
        wall_time_ns = self._number("capture.wall_time_ns")
        if wall_time_ns is None:
            return None
        from datetime import UTC, datetime, timedelta

        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=wall_time_ns // 1000)

    @property
    def version(self) -> str | None:
        """Version of the interpreter."""
        return self._text("python.version")

    @property
    def rss(self) -> int | None:
        """Resident set size when the pause began, in bytes."""
        return self._number("memory.rss_bytes")

    @property
    def host(self) -> str | None:
        """Name of the machine."""
        return self._text("process.host")

    @property
    def argv(self) -> list[str]:
        """Command line of the process; empty when not recorded."""
        argv: list[str] = []
        facts = self.facts
        while (word := facts.get(f"process.argv.{len(argv)}")) is not None:
            argv.append(str(word))
        return argv

    @property
    def mode(self) -> str | None:
        """How it was taken: "stop" or "fork"."""
        return self._text("capture.mode")

    @property
    def pause(self) -> float | None:
        """How long no Python code could run, in seconds."""
        pause_ns = self._number("capture.pause_ns")
        return None if pause_ns is None else pause_ns / 1e9

    @property
    def user_data(self) -> list[tuple[str, str, int | float]]:
        """Figures that the program told of itself when it was taken: (title, format, number)."""
        facts, rows = self.facts, list[tuple[str, str, "int | float"]]()
        while (value := facts.get(f"user.{len(rows)}.value")) is not None and not isinstance(value, str):
            at = f"user.{len(rows)}"
            rows.append((str(facts.get(f"{at}.title", "")), str(facts.get(f"{at}.format", "number")), value))
        return rows
