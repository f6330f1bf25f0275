"""Whole projects and whole folders: `firstpass prelabel`, its ledger and its reports."""
