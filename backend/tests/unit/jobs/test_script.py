"""スクリプトを送る形にする規則。"""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.jobs.script import interpreter_of, is_interpreter, script_bytes

SPEC = ScriptSpec(script="", interpreter=None, env=(), working_directory=None, timeout_s=None)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", ("/bin/sh",)),
        ("echo hi", ("/bin/sh",)),
        (" #!/bin/bash\n", ("/bin/sh",)),
        ("\n#!/bin/bash\n", ("/bin/sh",)),
        ("#!/bin/bash", ("/bin/bash",)),
        ("#!/bin/bash\r\necho hi\r\n", ("/bin/bash",)),
        ("\ufeff#!/bin/bash\n", ("/bin/bash",)),
        ("#! \t/bin/bash \t -eu \n", ("/bin/bash", "-eu")),
        ("#!/bin/bash\t-x\n", ("/bin/bash", "-x")),
        ("#!/usr/bin/env python3\n", ("/usr/bin/env", "python3")),
        ("#!/usr/bin/env -S python3 -u -W error\n", ("/usr/bin/env", "-S python3 -u -W error")),
        ("#!/bin/sh -e -u\n", ("/bin/sh", "-e -u")),
        ("#!\n", ("/bin/sh",)),
        ("#!   \necho\n", ("/bin/sh",)),
    ],
)
def test_shebang_line(script: str, expected: tuple[str, ...]) -> None:
    """#! の行はカーネルと同じに読み、空白のあとの全部が一つの引数になる。なければ sh。"""
    assert interpreter_of(replace(SPEC, script=script)) == expected


@pytest.mark.parametrize("line", ["#!{} a b  c ", "#! {}\tx", "#!{}", "#!{} \t"])
def test_same_as_the_kernel(tmp_path: Path, line: str) -> None:
    """カーネルが実際に渡す引数と一致する。"""
    show = tmp_path / "show"
    show.write_text('#!/bin/sh\nfor word in "$@"; do printf "[%s]" "$word"; done\n')
    show.chmod(0o755)
    # #! の先が別の #! でも、カーネルはたどる
    script = tmp_path / "script"
    text = line.format(show) + "\n"
    script.write_text(text)
    script.chmod(0o755)
    shown = subprocess.run([script], check=True, capture_output=True, text=True).stdout
    _, *arguments = interpreter_of(replace(SPEC, script=text))
    assert shown == "".join(f"[{word}]" for word in [*arguments, str(script)])


def test_explicit_interpreter_wins() -> None:
    """明示した解釈系は #! の行より強く、語ごとに分かれる。"""
    spec = replace(SPEC, script="#!/bin/bash\n", interpreter="python3  -u\t-I")
    assert interpreter_of(spec) == ("python3", "-u", "-I")


@pytest.mark.parametrize(
    ("value", "ok"),
    [
        ("bash", True),
        ("/opt/py-3.12/bin/python3 -u", True),
        ("env A=1 sh", True),
        ("sh -c 'x'", False),
        ("sh;reboot", False),
        ("$(x)", False),
        ("a\nb", False),
        ("", False),
    ],
)
def test_explicit_interpreter_is_plain_words(value: str, *, ok: bool) -> None:
    """明示する解釈系は、シェルの記号を含まない語の並びだけ。"""
    assert is_interpreter(value) is ok


def test_windows_newlines_are_sent_as_unix() -> None:
    """CRLF は LF に直し、行の途中の CR は残す。BOM は落とす。"""
    assert script_bytes(replace(SPEC, script="\ufeffa\r\nb\rc\r\n")) == b"a\nb\rc\n"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_other_character_is_sent_as_written(script: str) -> None:
    """CRLF と先頭の BOM のほかは、どの文字もそのまま届く。"""
    plain = script.replace("\r\n", "\n").lstrip("\ufeff")
    assert script_bytes(replace(SPEC, script=plain)).decode() == plain
