"""A demonstration: a territory of invented organisations, and the loop of Polepool played through its public doors."""
