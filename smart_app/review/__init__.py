"""A page on this machine where a person answers what a sync plan asks."""
