"""Made-up cases in any number: stories played by the engine at moments drawn by lot, written again as many cases.

`sampling.sample` is all that others call. Only a demo takes them: nothing real is ever among them.
"""

from school_protocol.services.sampling.filling import Sampled, sample

__all__ = ["Sampled", "sample"]
