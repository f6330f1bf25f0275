"""How the tiny checkpoints were made; see `run`. No part of Firstpass imports it."""
