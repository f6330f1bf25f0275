"""Looks for what keeps predictions from showing, and names the fix. Changes nothing unless it is told to."""
