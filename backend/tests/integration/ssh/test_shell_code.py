"""サーバへ送る符号: 一行にしても意味が変わらず、どのログインシェルの引用符にも入る。"""

import subprocess
import sys
from pathlib import Path

import pytest

from tsubame.data_access.ssh import shell_code
from tsubame.data_access.ssh.shell_code import UnsafeShellCodeError, minify

OPERATIONS = [
    *("start", "attach", "probe", "cancel", "remove", "check", "touch", "list"),
    *("runner", "second_half", "guarded_second_half", "second_half_with_files", "sudo"),
]
SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "ash"]]


def _canonical(code: str) -> str:
    """Bash が読み取った文を、決まった形に書き直したもの。"""
    wrapped = f"f() {{\n{code}\n}}; declare -f f"
    return subprocess.run(["bash", "-c", wrapped], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("operation", OPERATIONS)
def test_minified_code_means_the_same(operation: str) -> None:
    """一行にした符号は、bash が読み取る文として、原文と一字一句同じ。"""
    assert _canonical(shell_code.code(operation)) == _canonical(shell_code.source(operation))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_every_shell_reads_it(operation: str, shell: list[str]) -> None:
    """どのシェルも、原文も一行にした符号も、文法の誤りなく読む。"""
    for code in (shell_code.source(operation), shell_code.code(operation)):
        checked = subprocess.run([*shell, "-n", "-c", code], check=False, capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_shellcheck_is_silent(operation: str, tmp_path: Path) -> None:
    """shellcheck は、わけを書いて外した規則のほかに何も言わない。"""
    script = tmp_path / f"{operation}.sh"
    script.write_text(shell_code.source(operation), encoding="utf-8")
    checked = subprocess.run(
        [Path(sys.executable).parent / "shellcheck", "-f", "gcc", script],
        check=False,
        capture_output=True,
        text=True,
    )
    assert checked.stdout == ""


@pytest.mark.parametrize("operation", OPERATIONS)
def test_only_characters_that_survive_every_quote(operation: str) -> None:
    """一重引用符・改行・二重の逆斜線・感嘆符(!= を除く)を含まない。"""
    code = shell_code.code(operation)
    assert not {"'", "\n", "\r", "\t"} & set(code)
    assert "\\\\" not in code
    assert "!" not in code.replace("!=", "")
    assert len(code) < 8000


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a\n  b\n", "a; b"),
        ("# 注釈\n\na # b\n".replace(" # b", ""), "a"),
        ("if a; then\n  b\nelse\n  c\nfi\nd\n", "if a; then b; else c; fi; d"),
        ("case $x in\n  a) b ;;\n  *)\n    c\n    ;;\nesac\n", "case $x in a) b ;; *) c; ;; esac"),
        ("f() {\n  a &\n  b\n}\n", "f() { a & b; }"),
        ("(\n  a\n) >b\nx=$(c)\nd\n", "( a; ) >b; x=$(c); d"),
        ("a |\nb &&\nc\n", "a | b && c"),
    ],
)
def test_lines_are_joined(source: str, expected: str) -> None:
    """行のつなぎ目に、文法の通る区切りが入る。"""
    assert minify(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "a \\\nb\n",
        'a "b\nc"\n',
        "cat <<X\nX\n",
        "a # b\n",
        "echo 'a'\n",
        "! a\n",
        'a "\\\\"\n',
        "[ a ! b ]\n",
    ],
)
def test_unsafe_writing_is_refused(source: str) -> None:
    """一行にすると意味の変わる書き方や、送れない文字は、黙って壊さずに断る。"""
    with pytest.raises(UnsafeShellCodeError):
        minify(source)


@pytest.mark.parametrize("argument", ["it's", "a\\", "a\\\\b", "a\nb", "a!b", "\x7f"])
def test_unsafe_argument_is_refused(argument: str) -> None:
    """引用の中でも意味を持つ文字は、引数として送らない。"""
    with pytest.raises(UnsafeShellCodeError):
        shell_code.command_line("/bin/sh", "probe", ("id", "nonce", argument))
