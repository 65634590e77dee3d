"""Frozen. How gunicorn serves beside what the product embeds: one process with as many threads."""

workers = 1
worker_class = "gthread"
threads = 8
loglevel = "warning"
