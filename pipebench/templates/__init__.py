"""Files that pipebench writes for others: CI templates, package data beside the code that fills them in.

github.yml · gitlab.yml           what a forge is told: when, where, with which rights
github-machines.yml · gitlab-machines.yml
                                  the same for a job on two machines
base.sh                           which commit is the base; the same on both forges
environments.sh                   an environment for base and one for head
requirements.sh · refs.sh · model.sh · machines.sh
                                  how base and head become the two sides of ``pipebench ab``
model.txt                         a model of one's own to start from

choices                           what may be chosen, as plain words
filling                           the files with the choices filled in
"""
