"""Two sides measured in turn on the same devices: A B B A, more launches until the verdict is conclusive.

What all launches of one session share (a warm machine, a neighbour) cancels between sides that take turns.

session       one ``ab`` from what was asked for to the record
asked         from options to the two sides
answers       what a side's interpreter answers, within limits of size and time
looks         after how many launches the verdict is looked at, and the level of each look
sides         what a side is, and one launch of it: ``pipebench run --launches 1 --json`` in a process of its own
options       what options of ``run`` say
worktrees     git refs as folders
checkouts     refs of the user's own repository: each side's model is its own ref's
telling       that two refs are one commit, that an edit is in neither
git           git, run to its end
place         the temporary folder of one ab, and what a killed one left
interleaving  the order, the stopping rule, what is kept
calibrating   equal launches of one side, for the noise of this machine
"""
