"""What whoever runs headwater wants to know: what it costs, and how often it can afford to tick."""
