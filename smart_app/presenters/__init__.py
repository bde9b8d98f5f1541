"""Pure: ecogram geometry, forms, texts."""
