"""Any training command measured as a side of ``ab``: two sides in turn, looks, a verdict, without pipebench's engine.

session   one ``guard`` from what was asked for to the record of the comparison
asked     from options to the two sides
tracked   files of a command that must be each side's own
metric    from a name to its unit and which way is better
commands  one launch of a command, and the record that it gives
running   runs a command until it ends, or we do
keeper    a process of its own between us and the command: it ends all that the command started
reading   lines of output -> values of the metric
"""
