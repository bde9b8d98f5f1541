"""Changes that others make in the EHR, brought back: notifications are hints, polling is the truth (docs/sync.md)."""
