"""Who works where: the team shown, stand-ins, leaving, what nobody carries, the hand-over."""
