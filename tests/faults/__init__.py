"""Faults put in on purpose: killed and stopped processes, a Redis that goes away, images that kill."""
