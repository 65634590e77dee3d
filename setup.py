"""The one thing that setup.cfg cannot say: every package found, plus the two top-level folders that ship inside it."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["school_protocol", "school_protocol.*"]),
        "school_protocol.templates",
        "school_protocol.protocol_definitions",
    ],
    package_dir={
        "school_protocol": "school_protocol",
        "school_protocol.templates": "templates",
        "school_protocol.protocol_definitions": "protocol_definitions",
    },
)
