"""Stand-ins that come in through the door the real thing uses."""
