"""Falco's rule language on Kubernetes audit events, emulated: no Falco is to be had on every machine.

It follows the documentation (https://falco.org/docs/concepts/rules/) and what the plugin k8saudit says of its fields
(https://github.com/falcosecurity/plugins/tree/main/plugins/k8saudit). What it does not know it refuses by name, so that
no rule counts for something that Falco might see otherwise.
"""
