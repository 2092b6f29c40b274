"""What a person sees of records and timelines: text made with rich, no decisions."""
