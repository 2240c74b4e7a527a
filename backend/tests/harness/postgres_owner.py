"""内蔵 PostgreSQL の持ち主になる別プロセス。殺したり、別の利用者で動かしたりするため。

標準入力が閉じるまで動かし続ける。読み込むのは標準ライブラリと tsubame だけ
(どの利用者からも届く場所へ、これと tsubame だけを写して動かすため)。
"""

import json
import sys
from pathlib import Path

from tsubame.data_access.db.embedded import EmbeddedPostgres


def main() -> None:
    postgres = EmbeddedPostgres(Path(sys.argv[1]), {"fsync": "off"})
    dsn = postgres.start_blocking()
    json.dump({"dsn": dsn, "pid": postgres.pid}, sys.stdout)
    sys.stdout.write("\n")
    sys.stdout.flush()
    sys.stdin.read()
    postgres.stop_blocking()


if __name__ == "__main__":
    main()
