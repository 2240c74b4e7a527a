"""計測を順に動かす。``python bench/run.py`` で全部、名前を並べれば、それだけ。"""

import subprocess
import sys
from pathlib import Path

BENCHES = (
    "press_to_first_byte",
    "log_throughput",
    "startup",
    "remote_run",
    "log_store",
    "masking",
    "log_search",
    "archive",
    "many_servers",
    "growth",
)


def main() -> int:
    here = Path(__file__).parent
    status = 0
    for name in sys.argv[1:] or BENCHES:
        print(f"== {name}", flush=True)
        status |= subprocess.run([sys.executable, here / f"{name}.py"], check=False).returncode
    return status


if __name__ == "__main__":
    sys.exit(main())
