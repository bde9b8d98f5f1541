"""The command ``steunfiguren``: thin commands over the library."""
