"""Pages and documents, by desk; shipped as school_protocol.templates."""
