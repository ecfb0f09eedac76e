"""One file a source: each makes records or reads them, and hands them to `arus.sending`."""
