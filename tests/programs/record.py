#!/usr/bin/env python3.13
"""Makes the random programs of this folder from their seeds, and records what CPython's asyncio prints for all of them.

    python3.13 record.py CONFORMANCE_FOLDER

Needs CPython 3.13 and the folder with `reference.py` and `generate.py`.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

FIRST_SEED = 70_001
PER_TOPIC = 12


def main():
    if len(sys.argv) != 2 or sys.version_info < (3, 13):
        sys.exit(__doc__)
    tools = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-B", tools / "generate.py", "--corpus", folder, "--first-seed",
                        str(FIRST_SEED), "--per-topic", str(PER_TOPIC), "--size", "small"], check=True)
        for topic in sorted(pathlib.Path(folder).iterdir()):
            text = (topic / "generated.jsonl").read_text()
            (here / f"{topic.name}.jsonl").write_text(text)
            print(topic.name, len(text.splitlines()))
    for program in sorted(here.glob("*.json")):
        subprocess.run([sys.executable, "-B", tools / "reference.py", "--record", program], check=True)
        assert "quirk" not in json.loads(program.read_text()), f"{program} rests on a quirk"


main()
