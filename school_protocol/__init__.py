"""A protocol is data, a case is a list of events, the engine is a pure function of both."""
