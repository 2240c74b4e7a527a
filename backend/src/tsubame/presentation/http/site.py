"""この設置が、外からどう見えるか。"""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Site:
    """``public_url`` は利用者が開く URL、``security_contact`` は弱点の知らせ先(どちらも決めてあれば)。"""

    public_url: str | None
    security_contact: str | None

    @property
    def is_https(self) -> bool:
        return self.public_url is not None and self.public_url.startswith("https://")

    @property
    def public_origin(self) -> str | None:
        """その URL の頁が ``Origin`` の見出しに書く値。"""
        if self.public_url is None:
            return None
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()
