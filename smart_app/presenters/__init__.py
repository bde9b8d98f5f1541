"""Pure presenters: from the model to what a page says, and from what a person typed to the model. No Flask, no I/O."""
