"""Periodic jobs: cron expressions, the scheduler, and the jobs as rows."""
