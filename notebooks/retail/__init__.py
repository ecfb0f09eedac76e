"""What `retail.ipynb` is made of: figures (data, models), pictures (plots), words (tables)."""
