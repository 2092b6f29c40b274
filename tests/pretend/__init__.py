"""GPUs that are none, at the seams: torch.cuda and nvidia-ml-py answer, CPU cores compute.

As a folder on PYTHONPATH it turns a whole ``pipebench run --device cuda`` into one on pretended GPUs:
``pynvml.py`` stands for the driver, ``sitecustomize.py`` calls ``install`` when torch is imported.
"""
