"""Trials: what must hold when somebody tries hard, each counted, each with a planted fault that it must find."""
