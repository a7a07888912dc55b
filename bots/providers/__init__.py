"""Wire protocols of model providers. One file each; `base.py` holds the contract."""
