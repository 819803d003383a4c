"""Watching from a screen: a thread that tells it of every change of the cluster or the learner's files."""

from textual.dom import DOMNode
from textual.message import Message
from textual.worker import get_current_worker

from ckslab_tui.port import Service


class Changed(Message):
    """Somebody has changed something, or the cluster has begun or ceased to answer."""


def watch(screen: DOMNode, service: Service) -> None:
    """Tell a screen of changes; the body of a thread worker, which ends with the screen."""
    worker = get_current_worker()
    for number, _ in enumerate(service.changes(lambda: worker.is_cancelled)):
        if number:
            screen.post_message(Changed())
