"""What people make of predictions."""
