"""The Monitoring tab: CPU usage and traffic over an hour, a day or a week."""

from __future__ import annotations

from typing import Any

from flask import request as current_request

from puqpanel.sdk import Request, __, cache, format_number, noop__, now

from ..models.servers import Server
from ..services import monitoring
from ..services.api import DigitalOcean
from ..services.responses import ApiResponse
from .base import Tab

# The agent sends data every minute or two, so reloading sooner shows nothing new.
CACHE_SECONDS = 60
TRAFFIC = {"inbound": noop__("Incoming traffic"), "outbound": noop__("Outgoing traffic")}


class Monitoring(Tab):
    """`monitoring`."""

    def variables_monitoring(self) -> dict[str, Any]:
        """Return the charts; an empty list until the agent has sent data."""
        period = _period(current_request.args.get("period", ""))
        server = self.ready_server()
        metrics = self._metrics(server, period) if server else None
        titles = {"cpu": __("CPU usage")} | {key: __(title) for key, title in TRAFFIC.items()}
        charts = [
            _chart(title, "%" if key == "cpu" else "Mbit/s", metrics[key], period)
            for key, title in titles.items()
            if metrics and metrics[key]
        ]
        labels = {"hour": __("Last hour"), "day": __("Last 24 hours"), "week": __("Last 7 days")}
        return {
            "server": server,
            "is_available": metrics is not None,
            "charts_of_tab": charts,
            "period": labels[period],
            "periods": [(label, f"?period={key}", key == period) for key, label in labels.items()],
        }

    def controller_client_monitoring_get(self, request: Request) -> Any:
        """Return the metrics as JSON: pairs of a Unix time and a value."""
        target = self.target_or_404()
        period = _period(request.args.get("period", ""))
        metrics = self._metrics(target.server, period)
        if metrics is None:
            message = __("Monitoring data is temporarily unavailable.")
            return {"success": False, "error": message}, 503
        return {"success": True, "data": {"period": period, **metrics}}

    def _metrics(self, server: Server, period: str) -> dict[str, Any] | None:
        """Return the points of each chart, cached; None if DigitalOcean does not return them."""
        key = f"figures {self._uuid} {server.server_id} {period}"
        cached = cache.get(key)
        if isinstance(cached, dict):
            return cached
        client, end = DigitalOcean(server.account), int(now().timestamp())
        start = end - monitoring.PERIOD_SECONDS[period]
        window = {"host_id": server.server_id, "start": start, "end": end}
        metrics: dict[str, Any] = {}
        for name in ("cpu", *TRAFFIC):
            if name == "cpu":
                response = client.metrics("cpu", window)
            else:
                query = {**window, "interface": "public", "direction": name}
                response = client.metrics("bandwidth", query)
            points = _points(name, response)
            if points is None:
                return None
            metrics[name] = points
        cache.put(key, metrics, CACHE_SECONDS)
        return metrics


def _period(text: str) -> str:
    return text if text in monitoring.PERIOD_SECONDS else "day"


def _points(name: str, response: ApiResponse) -> monitoring.Points | None:
    if response.not_found:
        return []
    if not response.ok:
        return None
    return monitoring.cpu(response.data) if name == "cpu" else monitoring.traffic(response.data)


def _chart(title: str, unit: str, points: monitoring.Points, period: str) -> dict[str, Any]:
    # Points from the cache are lists, so convert each to a pair.
    labelled = monitoring.with_labels([(time, value) for time, value in points], period)
    return {
        "title": title,
        "unit": unit,
        "points": labelled,
        "ticks": monitoring.ticks(labelled),
        "latest": f"{format_number(points[-1][1])} {unit}",
        "peak": f"{format_number(max(value for _, value in points))} {unit}",
    }
