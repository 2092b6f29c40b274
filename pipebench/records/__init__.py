"""Records: what is stored of one run, its schema and its place on disk. Pure.

schema           what all kinds of records are made of; json_schema: the same for other programs
run              the record of a run, one that completed or one that ended early; in it:
                   devices, config, launches (raw samples), figures (results), spans (one step)
command          the record of a side of guard; trace: of a run that another program measured
comparison       what compare, check and ab print; others that are printed or kept: baseline, simulation,
                   reproduction, on_paper, explanation, trace_explanation
documents        a record as JSON, checked on its way out and in
store            records on disk; folders: all records of a folder; listing: a line for each; keeping: what to do
                 where their folder cannot be written
selection        from what a user calls a record to the record
summary          raw samples -> results; terms: what they count, in words
timelines        timelines to and from spans; graphs: the work that a stored step was of
"""
