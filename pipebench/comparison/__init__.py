"""Records to verdicts. Pure.

metrics          the values of a record's launches, from its raw samples
contradictions   where a record's stored summary says something else
fields           what must match, and what may drift
doubts           what keeps launches from being replicates of one thing
verdicts         one metric of two records -> improvement, same, regression, inconclusive
compare          records -> the record of a comparison
gates            which metrics a check watches, and its exit code
"""
