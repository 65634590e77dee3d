"""One folder a protocol, one YAML file a version; shipped as school_protocol.protocol_definitions."""
