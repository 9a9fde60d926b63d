"""The wheel works in a clean virtual environment, without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def test_the_wheel_works_without_a_checkout(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip"]
    command = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(REPOSITORY)]
    subprocess.run(command, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("dashprune-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for path in (REPOSITORY / "conf").rglob("*.yaml"):
        assert f"dashprune/conf/{path.relative_to(REPOSITORY / 'conf').as_posix()}" in names
    assert "dashprune/data/manifest.csv" in names
    assert not [name for name in names if name.startswith(("tests/", "outputs/", "conf/"))]

    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    scripts = environment / "bin"
    install = [str(scripts / "python"), "-m", "pip", "install", "--quiet", "-c", str(REPOSITORY / "constraints.txt")]
    subprocess.run([*install, str(wheel)], check=True, cwd=tmp_path)
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(scripts / "dashprune"), "check", "dataset", "pruner"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "pruner/dash.yaml: ok" in done.stdout
