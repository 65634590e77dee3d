"""Those above the school review cases: what waits for them, what they observe, the visa given or refused."""
