"""Public reports: how they are kept, so that nothing orders them or ties them to a request."""
