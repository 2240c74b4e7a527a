"""人の目より先に、機械が守らせる決まり。"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.data_access.tables.all import metadata

ROOT = Path(__file__).parents[3]
MAX_PYTHON_LINES = 400
MAX_VUE_LINES = 300
MAX_FUNCTION_LINES = 40
MAX_PARAMETERS = 5
# FastAPI の道は、部品を引数で受け取る
ROUTES = "presentation/http/"
EXCEPT_EXCEPTION = {
    "business/executions/runner.py",  # ワーカーの輪
    "presentation/http/middleware.py",  # HTTP 500 の受け口
}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def product_functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in tracked("backend/src/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def test_files_stay_short() -> None:
    """一つのファイルは、一度に頭へ入る長さを超えない。"""
    limits = {".py": MAX_PYTHON_LINES, ".vue": MAX_VUE_LINES, ".ts": MAX_PYTHON_LINES}
    written = [path for path in tracked("*.py", "*.vue", "*.ts") if ".gen." not in path.name]
    long = {
        str(path.relative_to(ROOT)): lines
        for path in written
        if (lines := len(path.read_text().splitlines())) > limits[path.suffix]
        and "generated" not in path.parts
    }
    assert long == {}


def test_functions_stay_short() -> None:
    """一つの関数は四十行を超えない。"""
    long = {
        where: length
        for where, node in product_functions()
        if node.end_lineno is not None and (length := node.end_lineno - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_functions_take_few_parameters() -> None:
    """引数が五つを超えたら、まとめて名前を付ける(HTTP の道は除く)。"""
    many = {}
    for where, node in product_functions():
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        count = len([name for name in names if name not in {"self", "cls"}])
        if count > MAX_PARAMETERS and ROUTES not in where:
            many[where] = count
    assert many == {}


def test_blind_except_lives_in_two_places() -> None:
    """何でも受け止める except は、ワーカーの輪と HTTP 500 の受け口にしか置かない。"""
    places = {
        str(path.relative_to(ROOT / "backend/src/tsubame"))
        for path in tracked("backend/src/*.py")
        if re.search(r"except Exception\b", path.read_text())
    }
    assert places <= EXCEPT_EXCEPTION


def test_no_import_inside_functions() -> None:
    """読み込みはファイルの先頭に置く。途中に置くと、部屋の順を破っても気づけない。"""
    hidden = [
        where
        for where, node in product_functions()
        if any(isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(node))
    ]
    assert hidden == []


def test_tests_do_not_sleep_or_skip() -> None:
    """試験は、決めた秒だけ眠らず、飛ばしもしない。"""
    bad = re.compile(r"(time|asyncio)\.sleep\((0\.|[1-9])|pytest\.(skip|xfail)\(|mark\.(skip|xfail)")
    here = Path(__file__)
    found = [
        str(path.relative_to(ROOT))
        for path in tracked("backend/tests/*.py")
        if path != here and bad.search(path.read_text())
    ]
    assert found == []


def test_every_test_says_its_fact() -> None:
    """どの試験にも、確かめる事実を一文で書く。"""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in tracked("backend/tests/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


async def test_migrations_make_the_tables_in_code(engine: AsyncEngine) -> None:
    """移行を全部かけたデータベースと、コードの表の定義が同じ。"""

    def differences(connection: Connection) -> list[object]:
        ours = set(metadata.tables)
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda _object, name, kind, _reflected, _other: (
                    kind != "table" or name in ours
                )
            },
        )
        return list(compare_metadata(context, metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "README.ja.md", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_the_first_files_are_there(name: str) -> None:
    """はじめて来た人が探すものが、そろっている。"""
    assert (ROOT / name).stat().st_size > 0
