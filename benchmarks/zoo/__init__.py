"""Published nets, written by loops over their blocks; `nets.py` beside this folder has them by name."""
