"""Pages of the dashboard, tasks, schedule, health checks and search."""
