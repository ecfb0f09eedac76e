"""What `warehouse.ipynb` is made of: figures (data), pictures (plots), words (tables)."""
