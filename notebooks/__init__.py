"""The notebooks, one for each pipeline, and the code behind them; `python -m notebooks` makes pages of them."""
