"""Records to verdicts. Pure.

metrics          the values of a record's launches, from its raw samples
contradictions   where a record's stored summary says something else
fields           what must match, and what may drift; its lists: run_fields, command_fields, trace_fields
doubts           signs that the launches of a record did not repeat one measurement
coarseness       how finely a command prints, and whether rounding alone may explain a change
verdicts         one metric of two records -> improvement, same, regression, inconclusive
overall          the worst verdict, of several metrics and of several candidates
compare          records -> the record of a comparison
sides            what a comparison says of each of its records
parts            which parts of a ratio moved where the ratio did
remarks          what a reader must know beside its figures
going_on         how to go on where fields differ that must not
more_launches    the command that takes more launches, where there are too few
gates            which metrics a check watches, and its exit code
sources          names on a command line -> records
baselines        saved runs that others are held against
merging          the one-launch records of a side -> one record
calibration      the noise of this machine, and thresholds below it; noise_cache keeps it
history          one metric over many runs, and where it changed
self_test        tries the gate on faults put into a record: a made-up one (specimen), or one of the user's
"""
