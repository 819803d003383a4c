"""An exam: tasks drawn by the curriculum's weights, one cluster state for each, and a clock that goes on."""
