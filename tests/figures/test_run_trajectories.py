from __future__ import annotations

import numpy as np

from dashprune.figures.run_trajectories import Course, trajectories


def test_trajectories_show_what_was_measured_and_predicted() -> None:
    times = np.array([0.0, 1, 3])
    measured = np.array([[0, 1], [1, 2], [2, 3.0]])
    courses = [
        Course(times, measured, measured + 0.1, times, measured + 100),
        Course(times, -measured, -measured, times, -measured),
    ]
    names = {f"gene {k}": k % 2 for k in range(4)}
    figure = trajectories(courses, names, "a run")
    panels, unused = figure.axes[:4], figure.axes[4:]
    assert [axes.get_title() for axes in panels] == list(names)
    first = panels[1].lines[:3]
    for line, values in zip(first, (measured, measured + 0.1, measured + 100), strict=True):
        assert line.get_xdata().tolist() == times.tolist()
        assert line.get_ydata().tolist() == values[:, 1].tolist()
    assert [line.get_linestyle() for line in first] == ["None", "-", "--"]
    assert len(panels[0].lines) == 6
    assert panels[0].get_ylim()[1] == 6  # the measured -2 to 2, and once this width beyond
    assert panels[0].get_ylabel() == "expression\n(unit of the data)"
    assert panels[3].get_xlabel() == "time (unit of the data)"
    assert not any(axes.axison for axes in unused)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["measured", "predicted from the point before", "from the first point"]


def test_a_trajectory_of_many_points_is_drawn_as_means_too() -> None:
    times = np.arange(1000.0)
    course = Course(times, times[:, None], times[:, None] + 1, times, times[:, None])
    (axes,) = trajectories([course], {"g": 0}, "a run").axes[:1]
    dots, circles, one_step, free = axes.lines
    assert [len(line.get_xdata()) for line in (dots, circles, one_step, free)] == [1000, 30, 30, 1000]
    assert circles.get_ydata()[0] == 16.5  # the mean of 0 to 33
    assert one_step.get_ydata()[0] == 17.5
