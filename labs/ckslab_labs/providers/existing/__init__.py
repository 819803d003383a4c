"""A cluster that is given by its kubeconfig: it is asked, and nothing else."""
