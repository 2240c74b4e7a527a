"""使っている部品に、知られた弱点がないか(``make audit``)。

弱点の一覧に届かない機械(閉じた網、部分的な鏡)では、調べていないと言って通す。
どこへ問い合わせるかは pip-audit と npm に任せ、ここには書かない。
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
_WAIT_S = 20
_PYTHON = (
    ".venv/bin/pip-audit", "--requirement", "backend/constraints-runtime.txt", "--no-deps", "--disable-pip",
    "--progress-spinner", "off", "--timeout", "5", "--format", "json",
)  # fmt: skip
_NPM = ("tools/npm.sh", "audit", "--omit", "dev", "--json")


def _report(command: tuple[str, ...]) -> dict[str, Any]:
    """JSON の報告。届かない・時間切れ・読めない答えは、空の辞書。"""
    try:
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=_WAIT_S, check=False
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return {}
    return found


def _python() -> tuple[int, list[str]]:
    """調べられた部品の数と、見つかった弱点。"""
    # 一覧にない部品には skip_reason が付く。鏡が一覧を持たなければ、全部に付く
    checked = [each for each in _report(_PYTHON).get("dependencies", []) if "vulns" in each]
    return len(checked), [
        f"{each['name']} {each['version']}: {vuln['id']}, fixed in {vuln['fix_versions'] or 'no release'}"
        for each in checked
        for vuln in each["vulns"]
    ]


def _npm() -> tuple[int, list[str]]:
    report = _report(_NPM)
    if "vulnerabilities" not in report:
        return 0, []
    checked = int(report.get("metadata", {}).get("dependencies", {}).get("total", 1))
    return checked, [
        f"{name}: {each['severity']} {each['range']}" for name, each in report["vulnerabilities"].items()
    ]


def main() -> int:
    with ThreadPoolExecutor() as pool:
        running = {"Python": pool.submit(_python), "npm": pool.submit(_npm)}
    weak = False
    for kind, result in running.items():
        checked, found = result.result()
        if checked == 0:
            lines = [f"tsubame: no advisory database reachable for {kind} packages, not checked"]
        else:
            lines = [f"tsubame: {checked} {kind} packages checked, {len(found)} known vulnerabilities"]
        sys.stdout.write("\n  ".join([*lines, *found]) + "\n")
        weak = weak or bool(found)
    return 1 if weak else 0


if __name__ == "__main__":
    sys.exit(main())
