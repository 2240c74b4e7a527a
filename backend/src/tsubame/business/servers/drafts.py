"""受け取ったサーバの検査。"""

import ipaddress
import re
from dataclasses import replace
from typing import Final

from tsubame.business.servers.entities import SshOptions
from tsubame.business.servers.ports import ServerDraft
from tsubame.business.shared.validation import FieldErrors, checked_line, checked_text, has_control_character

MAX_HOST: Final = 253
MAX_PORT: Final = 65535
MAX_USERNAME: Final = 64
MAX_CONNECT_TIMEOUT_S: Final = 120
MAX_KEEPALIVE_S: Final = 60
MAX_PARALLEL: Final = 10_000

_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
# 入るときに引数としてシェルを通らないので広く許すが、オプションに見える名前と、空白・制御文字は断る
_USERNAME: Final = re.compile(r"[^\s\x00-\x1f\x7f-][^\s\x00-\x1f\x7f]*")
# 命令の行に載るので、どのシェルの引用の中でも意味を持たない文字だけ。「#」で始まると uid と読まれる
_SUDO_USER: Final = re.compile(r"[^\s\x00-\x1f\x7f'\\!#-][^\s\x00-\x1f\x7f'\\!]*")
# 札の式が読める文字。「name:」で始まる言葉は、式では名前の型と読まれる
_TAG: Final = re.compile(r"(?!name:)[A-Za-z0-9._:/=-]{1,64}")
# 命令の行に載るので、fish や csh の引用の中でも特別な意味を持つ文字は断る
_DIRECTORY: Final = re.compile(r"/[^'\\!\x00-\x1f\x7f]*")


def checked_server(draft: ServerDraft) -> ServerDraft:
    """検査し、前後の空白や ``[::1]`` の角かっこを落とした姿を返す。

    Raises: InvalidInputError。
    """
    errors = FieldErrors()
    checked = replace(
        draft,
        name=checked_line("name", draft.name, errors),
        description=checked_text("description", draft.description, errors),
        host=_host(draft.host, errors),
        username=_username(draft.username, errors),
        tags=_tags(draft.tags, errors),
        run_directory=_run_directory(draft.run_directory, errors),
        sudo_user=_sudo_user(draft, errors),
    )
    _check_range("port", draft.port, MAX_PORT, errors)
    if draft.max_parallel is not None:
        _check_range("max_parallel", draft.max_parallel, MAX_PARALLEL, errors)
    _check_options(draft.ssh_options, errors)
    errors.raise_if_any()
    return checked


def _host(value: str, errors: FieldErrors) -> str:
    host = value.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host:
        errors.add("host", "required", "This must not be empty.")
    elif len(host) > MAX_HOST or not (_is_address(host) or _is_name(host)):
        errors.add(
            "host",
            "host_invalid",
            "This is not a host name or an IP address. Write only the host, such as web1.example.com; "
            "the user and the port have their own fields.",
        )
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    # 範囲つきの IPv6(fe80::1%eth0)の後ろは、何でも通ってしまう
    return not has_control_character(host) and not any(character.isspace() for character in host)


def _is_name(host: str) -> bool:
    try:
        labels = host.removesuffix(".").encode("idna").decode("ascii").split(".")
    except UnicodeError:
        return False
    # 数だけで終わる名前は、番号の打ち間違い(例 10.0.0.256)
    return all(_LABEL.fullmatch(label) for label in labels) and not labels[-1].isdecimal()


def _username(value: str, errors: FieldErrors) -> str:
    username = value.strip()
    if not username:
        errors.add("username", "required", "This must not be empty.")
    elif len(username) > MAX_USERNAME or not _USERNAME.fullmatch(username):
        errors.add(
            "username",
            "ssh_username_invalid",
            f"A user name has at most {MAX_USERNAME} characters, no spaces and no '-' at the start.",
        )
    return username


def _tags(values: tuple[str, ...], errors: FieldErrors) -> tuple[str, ...]:
    for index, tag in enumerate(values):
        if not _TAG.fullmatch(tag):
            errors.add(
                f"tags.{index}",
                "tag_invalid",
                "A tag has 1 to 64 letters, digits and the characters . _ = : / -",
            )
        elif tag in values[:index]:
            errors.add(f"tags.{index}", "duplicate", "This tag is listed twice.")
    return values


def _run_directory(value: str | None, errors: FieldErrors) -> str | None:
    if value is None or not value.strip():
        return None
    directory = value.strip()
    if not _DIRECTORY.fullmatch(directory):
        errors.add(
            "run_directory",
            "run_directory_invalid",
            "This must be an absolute path without quotes, backslashes and exclamation marks.",
        )
    return directory


def _sudo_user(draft: ServerDraft, errors: FieldErrors) -> str | None:
    user = (draft.sudo_user or "").strip()
    if not user:
        if draft.sudo_credential_id is not None:
            errors.add("sudo_user", "required", "A sudo password needs the user to become.")
        return None
    if len(user) > MAX_USERNAME or not _SUDO_USER.fullmatch(user):
        errors.add(
            "sudo_user",
            "sudo_user_invalid",
            f"A user name has at most {MAX_USERNAME} characters, no spaces, quotes or backslashes, "
            "and no '-' or '#' at the start.",
        )
    return user


def _check_options(options: SshOptions, errors: FieldErrors) -> None:
    _check_range("ssh_options.connect_timeout_s", options.connect_timeout_s, MAX_CONNECT_TIMEOUT_S, errors)
    _check_range("ssh_options.keepalive_s", options.keepalive_s, MAX_KEEPALIVE_S, errors)


def _check_range(field: str, value: int, most: int, errors: FieldErrors) -> None:
    if not 1 <= value <= most:
        errors.add(field, "out_of_range", f"This must be from 1 to {most}.")
