"""Tasks, schedule, health, dashboard, statistics and search."""
