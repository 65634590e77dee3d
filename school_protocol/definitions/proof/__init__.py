"""Proves, on the very conditions that run, what must hold of every case before a definition can be published."""

from school_protocol.definitions.proof.placing import script_of, with_lines
from school_protocol.definitions.proof.proving import prove
from school_protocol.definitions.proof.verdicts import STEPS, Beat, Proof, Result, Story, Verdict

__all__ = ["STEPS", "Beat", "Proof", "Result", "Story", "Verdict", "prove", "script_of", "with_lines"]
