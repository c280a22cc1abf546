"""Product groups, products, prices and options."""
