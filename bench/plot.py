"""標準入力の結果(台数 → 道具 → 秒)を、横の棒の図にする。many_servers.py が呼ぶ。"""

import json
import sys
from pathlib import Path

from matplotlib import pyplot as plt

_OURS = "#1f5c99"
_OTHERS = "#9aa4ae"
_OUTPUT = Path(__file__).parent.parent / "docs" / "images" / "many-servers.svg"


def main() -> None:
    # 見る側の字体で描く。同じ結果から、いつも同じファイルになるように
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "tsubame", "font.size": 9})
    results: dict[str, dict[str, float]] = json.load(sys.stdin)
    figure, panels = plt.subplots(1, len(results), figsize=(4.2 * len(results), 2.6), squeeze=False)
    for panel, (size, seconds) in zip(panels[0], results.items(), strict=True):
        names = list(reversed(seconds))
        colors = [_OURS if name.startswith("tsubame") else _OTHERS for name in names]
        bars = panel.barh(names, [seconds[name] for name in names], color=colors)
        panel.bar_label(bars, fmt="%.1f s", padding=3)
        panel.set_title(f"uname, id, df on {size} servers")
        panel.margins(x=0.18)
        panel.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(_OUTPUT, format="svg", metadata={"Date": None})
    print(f"drew {_OUTPUT.relative_to(_OUTPUT.parents[2])}")


if __name__ == "__main__":
    main()
