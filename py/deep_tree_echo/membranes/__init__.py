"""The membranes around the model: memory, reasoning and grammar."""
