"""The tab Monitoring: processors and traffic over an hour, a day or a week."""

from __future__ import annotations

from typing import Any

from flask import request as current_request

from puqpanel.sdk import Request, __, cache, now

from ..models.servers import Server
from ..services import monitoring
from ..services.answers import Told
from ..services.api import DigitalOcean
from .answers import Tab

# The agent sends a figure every minute or two; who reloads sees the same meanwhile.
KEPT = 60
TRAFFIC = {"inbound": "Incoming traffic", "outbound": "Outgoing traffic"}


class Monitoring(Tab):
    """`monitoring`."""

    def variables_monitoring(self) -> dict[str, Any]:
        """The charts, each with its sentence; none of them where the agent has sent nothing yet."""
        period = self._period(current_request.args.get("period", ""))
        server = self.made()
        found = self._figures(server, period) if server else None
        charts = []
        for key, title, unit in (
            ("cpu", __("CPU"), "%"),
            *((key, __(title), "Mbit/s") for key, title in TRAFFIC.items()),
        ):
            points = monitoring.labelled(
                [(at, value) for at, value in (found or {}).get(key, [])], period
            )
            if points:
                top = max(value for _, value in points)
                charts.append(
                    {
                        "title": title,
                        "unit": unit,
                        "points": points,
                        "ticks": monitoring.ticks(points),
                        "last": points[-1][1],
                        "top": top,
                    }
                )
        words = {"hour": __("Last hour"), "day": __("Last 24 hours"), "week": __("Last 7 days")}
        return {
            "server": server,
            "known": found is not None,
            "charts_of_tab": charts,
            "period": words[period],
            "periods": [(word, f"?period={key}", key == period) for key, word in words.items()],
        }

    def controller_client_monitoring_get(self, request: Request) -> Any:
        """The figures as JSON: pairs of a time, in seconds since 1970, and a value."""
        server, _ = self.made_or_404()
        period = self._period(request.args.get("period", ""))
        found = self._figures(server, period)
        if found is None:
            return {"success": False, "error": __("There are no figures just now.")}, 503
        return {"success": True, "data": {"period": period, **found}}

    @staticmethod
    def _period(text: str) -> str:
        return text if text in monitoring.PERIODS else "day"

    def _figures(self, server: Server, period: str) -> dict[str, Any] | None:
        """The series of a period; None where DigitalOcean does not tell.

        What it told is kept for a minute.
        """
        key = f"figures {self._uuid} {server.server_id} {period}"
        known = cache.get(key)
        if isinstance(known, dict):
            return known
        cloud, end = DigitalOcean(server.account), int(now().timestamp())
        window = {
            "host_id": server.server_id,
            "start": end - monitoring.PERIODS[period],
            "end": end,
        }
        found: dict[str, Any] = {}
        for name in ("cpu", *TRAFFIC):
            told = (
                cloud.metrics("cpu", window)
                if name == "cpu"
                else cloud.metrics(
                    "bandwidth", {**window, "interface": "public", "direction": name}
                )
            )
            points = self._points(name, told)
            if points is None:
                return None
            found[name] = points
        cache.put(key, found, KEPT)
        return found

    @staticmethod
    def _points(name: str, told: Told) -> monitoring.Points | None:
        if told.missing:
            return []
        if not told.ok:
            return None
        return monitoring.cpu(told.data) if name == "cpu" else monitoring.traffic(told.data)
