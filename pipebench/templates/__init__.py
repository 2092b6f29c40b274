"""Files that pipebench writes for others: CI templates, package data beside the code that fills them in.

github.yml · gitlab.yml           what a forge is told: when, where, with which rights
base.sh                           which commit is the base; the same on both forges
requirements.sh · refs.sh · model.sh
                                  how base and head become the two sides of ``pipebench ab``
model.txt                         a model of one's own to start from
"""
