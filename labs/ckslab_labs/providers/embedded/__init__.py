"""The embedded control plane: real etcd and Kubernetes as plain processes, one supervisor per plane."""
