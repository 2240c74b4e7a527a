"""札の式: 読み方、選び方、誤りの言い方。"""

import itertools

import pytest

from tsubame.business.servers.entities import HostKeyState
from tsubame.business.servers.selection import (
    SelectableServer,
    SelectorSyntaxError,
    parse_selector,
    select_servers,
)
from tsubame.business.shared.ids import ServerId


def server(number: int, name: str, *tags: str) -> SelectableServer:
    return SelectableServer(ServerId(number), name, tags, HostKeyState.PINNED)


WEB = server(1, "Web-1 main", "web", "prod", "zone:eu/a=1.x_-")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("web", True),
        ("db", False),
        ("web and prod and not canary", True),
        ("web AND NOT prod", False),
        ("db or web and prod", True),
        ("(db or web) and canary", False),
        ("not db and not canary", True),
        ("not (db or canary)", True),
        ("not not web", True),
        ("zone:eu/a=1.x_-", True),
        ("name:web-*", True),
        ('name:"web-1 *"', True),
        ("name:WEB*", True),
        ("name:web", False),
        ("name:web-[2-9]*", False),
        ("\tweb\n and\u3000prod ", True),
    ],
)
def test_meaning(expression: str, expected: bool) -> None:
    """not、and、or の順に強く結び、名前は型で、札はそのまま比べる。"""
    assert parse_selector(expression)(WEB) is expected


@pytest.mark.parametrize(
    ("expression", "code", "position", "token"),
    [
        ("  ", "selector_empty", 1, ""),
        ("web and", "selector_unfinished", 8, ""),
        ("not", "selector_unfinished", 4, ""),
        ("(web", "selector_unfinished", 5, ""),
        ("or web", "selector_unexpected", 1, "or"),
        ("web prod", "selector_unexpected", 5, "prod"),
        ("web not prod", "selector_unexpected", 5, "not"),
        ("web and and db", "selector_unexpected", 9, "and"),
        ("web)", "selector_unexpected", 4, ")"),
        ("()", "selector_unexpected", 2, ")"),
        ("name:", "selector_unexpected", 1, "name:"),
        ('name:"x', "selector_unexpected", 1, "name:"),
        ('web and "', "selector_unexpected", 9, '"'),
        ("web & db", "selector_unexpected", 5, "&"),
        ("web and &", "selector_bad_tag", 9, "&"),
        ("web*", "selector_bad_tag", 1, "web*"),
        ("!canary", "selector_bad_tag", 1, "!canary"),
        ("(" * 60 + "web" + ")" * 60, "selector_too_deep", 52, "("),
        ("not " * 60 + "web", "selector_too_deep", 205, "not"),
        ("a" * 1001, "selector_too_long", 1001, ""),
    ],
)
def test_mistakes_say_where(expression: str, code: str, position: int, token: str) -> None:
    """読めない式は、何が、何文字目でいけないかを言う。"""
    with pytest.raises(SelectorSyntaxError) as caught:
        parse_selector(expression)
    (error,) = caught.value.errors
    assert (error.field, error.code, error.params) == (
        "selector",
        code,
        {"position": position, "token": token},
    )


def test_reads_exactly_what_python_reads() -> None:
    """五語までのどの並びも、Python の and・or・not と同じに読み、同じ値になる。"""
    words = ("web", "db", "and", "or", "not", "(", ")")
    for length in range(1, 6):
        for chosen in itertools.product(words, repeat=length):
            expression = " ".join(chosen)
            if "( )" in expression or "b (" in expression or ") (" in expression:
                continue  # Python では空の組と呼び出しになり、くらべる相手にならない
            try:
                compiled = compile(expression, "", "eval")
            except SyntaxError:
                with pytest.raises(SelectorSyntaxError):
                    parse_selector(expression)
            else:
                assert parse_selector(expression)(WEB) is eval(compiled, {"web": True, "db": False})


def test_named_come_first_then_by_name() -> None:
    """名指しが並べた順で先、式に当てはまるものが名前の順で続き、二度は出ない。"""
    everyone = [server(1, "c", "x"), server(2, "B", "x"), server(3, "a"), server(4, "A2", "x")]
    chosen = select_servers([ServerId(1), ServerId(3), ServerId(9)], parse_selector("x"), everyone)
    assert [found.id for found in chosen] == [1, 3, 4, 2]
