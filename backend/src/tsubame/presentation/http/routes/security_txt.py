"""弱点を見つけた人への、知らせ先の案内(RFC 9116)。"""

from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from tsubame.business.shared.errors import NotFoundError
from tsubame.presentation.http.dependencies import ServicesDep

PATH: Final = "/.well-known/security.txt"
# RFC 9116 2.5.5 は一年より短くと言う。頼んだ日から数えるので、動いているかぎり切れない
_VALID_FOR: Final = timedelta(days=180)

router = APIRouter(include_in_schema=False)


class SecurityContactMissingError(NotFoundError):
    """この設置は、知らせ先を決めていない。"""

    code = "security_contact_missing"


@router.get(PATH)
async def security_txt(services: ServicesDep) -> PlainTextResponse:
    site = services.site
    if site.security_contact is None:
        raise SecurityContactMissingError(
            "The administrator has not set TSUBAME_SECURITY_CONTACT. "
            "Report weaknesses of tsubame-ci itself as SECURITY.md of its repository says."
        )
    until = (datetime.now(UTC) + _VALID_FOR).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    lines = [f"Contact: {site.security_contact}", f"Expires: {until}", "Preferred-Languages: ja, en"]
    if site.is_https:
        lines.append(f"Canonical: {site.public_url}{PATH}")
    return PlainTextResponse("\r\n".join(lines) + "\r\n")
