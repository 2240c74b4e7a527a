"""提供者の設定の検査。"""

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import SplitResult, urlsplit

from tsubame.business.auth.providers import GroupRule, ProviderSettings
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.validation import FieldErrors, checked_line

MAX_RULES: Final = 200
_MAX_URL: Final = 500
_SCOPES: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")
_NEEDED_SCOPE: Final = "openid"


@dataclass(frozen=True, slots=True)
class ProviderDraft:
    """``secret`` が ``None`` なら今のまま、空ならなし(公開のクライアント)。"""

    settings: ProviderSettings
    secret: Secret | None


def checked_settings(settings: ProviderSettings) -> ProviderSettings:
    """整えた設定。Raises: InvalidInputError。"""
    errors = FieldErrors()
    checked = replace(
        settings,
        name=checked_line("name", settings.name, errors),
        issuer=checked_issuer(settings.issuer, errors),
        client_id=checked_line("client_id", settings.client_id, errors, max_length=_MAX_URL),
        scopes=_checked_scopes(settings.scopes, errors),
        username_claim=checked_line("username_claim", settings.username_claim, errors),
        group_claim=checked_line("group_claim", settings.group_claim, errors),
        rules=_checked_rules(settings.rules, errors),
    )
    errors.raise_if_any()
    return checked


def checked_issuer(value: str, errors: FieldErrors) -> str:
    """Https の住所。自分の網の中でだけ、http も許す。末尾の / は名乗りの一部なので、そのまま残す。"""
    issuer = checked_line("issuer", value, errors, max_length=_MAX_URL)
    parts = _split(issuer)
    if parts is None or not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        errors.add("issuer", "issuer_invalid", "The issuer must be a URL such as https://id.example.com.")
    elif parts.scheme != "https" and not (parts.scheme == "http" and _is_inside(parts.hostname)):
        errors.add(
            "issuer", "issuer_insecure", "The issuer must start with https:// outside your own network."
        )
    return issuer


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_inside(host: str) -> bool:
    """外の網を通らないと、名前だけで分かるか。"""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".internal", ".home.arpa", ".local", ".lan"))


def _checked_scopes(value: str, errors: FieldErrors) -> str:
    scopes = " ".join(value.split())
    if not _SCOPES.fullmatch(scopes) or len(scopes) > _MAX_URL:
        errors.add("scopes", "scopes_invalid", "Scopes are words separated by spaces.")
    elif _NEEDED_SCOPE not in scopes.split():
        errors.add("scopes", "scopes_need_openid", "The scope openid is needed.")
    return scopes


def _checked_rules(rules: tuple[GroupRule, ...], errors: FieldErrors) -> tuple[GroupRule, ...]:
    if len(rules) > MAX_RULES:
        errors.add("rules", "too_many", f"At most {MAX_RULES} rules.")
    checked = tuple(
        replace(rule, group=checked_line(f"rules.{index}.group", rule.group, errors, max_length=300))
        for index, rule in enumerate(rules)
    )
    seen: set[tuple[str, int | None]] = set()
    for index, rule in enumerate(checked):
        if (rule.group, rule.project_id) in seen:
            errors.add(
                f"rules.{index}.group", "rule_repeated", "This group already has a role for this place."
            )
        seen.add((rule.group, rule.project_id))
    return checked
