"""What people's annotations teach: heads over vectors, how boxes are drawn, what is always deleted."""
