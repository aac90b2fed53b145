"""What the project takes from elsewhere: pinned sources and how they are fetched."""
