"""``python -m tsubame`` の入口。"""

from tsubame.entrypoints.cli import main

main()
