"""Pages and documents, one folder a package; shipped as school_protocol.templates."""
