"""A config.py that ends its process costs that module: the list of modules is read in the processes that answer pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from puqpanel.host import config_probe
from tests.sample import write_module

SOUND = "from puqpanel.sdk import Product\nclass {}(Product):\n    pass\n"
HELD = "CONFIG = {'name': 'x', 'version': '1'}\n"
LIST = """
import sys
from pathlib import Path
from puqpanel.host import discover
for one in discover.scan(Path(sys.argv[1])):
    print(one.name + ": " + (one.error or "sound"))
"""
ENDS = {
    "Leaves": ("import os\nos._exit(7)\n" + HELD, "exit code 7"),
    "Well": ("import os\nos._exit(0)\n" + HELD, "exit code 0"),
    "Aborts": ("import os\nos.abort()\n" + HELD, "signal 6"),
    "Kills": ("import os, signal\n" + HELD + "os.kill(os.getpid(), signal.SIGKILL)\n", "signal 9"),
    "Hidden": ("from os import _exit as dirname\nCONFIG = {'name': dirname(3), 'version': '1'}\n", "exit code 3"),
    "Renamed": ("import os\nstr = os._exit\nCONFIG = {'name': str(4), 'version': '1'}\n", "exit code 4"),
    "Decorated": ("import os\n@os._exit\nclass CONFIG: pass\n", "exit code 1"),
}


def test_the_list_is_read_whatever_a_config_does(tmp_path: Path) -> None:
    for name, (text, _) in ENDS.items():
        write_module(tmp_path, SOUND.format(name), name=name)
        (tmp_path / "Product" / name / "config.py").write_text(text)
    write_module(tmp_path, SOUND.format("Sound"), name="Sound")
    for name, text in {"Reckons": "CONFIG = {'name': 'x', 'version': '.'.join(sorted('21'))}\n", "Raises": "raise ValueError('no')\n"}.items():
        write_module(tmp_path, SOUND.format(name), name=name)
        (tmp_path / "Product" / name / "config.py").write_text(text)
    done = subprocess.run([sys.executable, "-c", LIST, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert said.pop("Sound") == said.pop("Reckons") == "sound"
    assert said.pop("Raises") == "config.py does not load: ValueError: no (config.py:1)."
    for name in ("Leaves", "Well", "Aborts", "Kills", "Hidden", "Renamed"):
        assert said[name] == f"config.py ends the process that reads it ({ENDS[name][1]}); it may only hold CONFIG = {{…}}."
    assert said["Decorated"].startswith("config.py ")


@pytest.mark.parametrize("text", [
    HELD,
    "import os\n__DIR__ = os.path.dirname(__file__)\nCONFIG = {'name': 'x', 'version': '1', 'logo': __DIR__ + '/views/logo.png'}\n",
    "from pathlib import Path\nCONFIG: dict[str, object] = {'name': 'x', 'version': '1', 'logo': str(Path(__file__).parent / 'logo.png')}\n",
    "CONFIG = {\n",
])
def test_what_is_usual_needs_no_process(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    (tmp_path / "config.py").write_text(text)
    assert config_probe.ending(tmp_path / "config.py") == ""
