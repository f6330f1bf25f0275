"""What a person draws or types with a smart tool -> suggestions to accept or reject."""
