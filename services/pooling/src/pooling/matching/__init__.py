"""The matching engine: what every member of a territory offers and needs, and the plan that serves the most of it."""
