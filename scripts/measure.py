#!/usr/bin/env python3
"""Print the measures of the house: sizes, paths and density of functions, imports, signatures, tests per line of code.

    python3 scripts/measure.py              the table
    python3 scripts/measure.py --dense      the functions with more than 10 paths as well
    python3 scripts/measure.py DIRECTORY    of another checkout

`tests/architecture/test_density.py` holds the bars.
"""

from __future__ import annotations

import argparse
import ast
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FORKS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.IfExp,
    ast.comprehension,
    ast.Assert,
    ast.match_case,
)
"""What makes one more path through a function; each further operand of `and` and `or` does so too."""
SHORT = 10
"""Functions of fewer lines say nothing about density."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class FunctionMeasure:
    """One function: where it is, how long, how many paths lead through it."""

    place: str
    lines: int
    paths: int

    @property
    def branches_per_10_lines(self) -> float:
        """Return how many decisions stand on ten lines."""
        return (self.paths - 1) * 10 / self.lines


@dataclass
class Measures:
    """The measures of one package and its tests."""

    modules: int = 0
    lines: int = 0
    file_lines: list[int] = field(default_factory=list)
    functions: list[FunctionMeasure] = field(default_factory=list)
    late_imports: int = 0
    public_functions: int = 0
    public_with_any: int = 0
    test_lines: int = 0

    @property
    def dense(self) -> list[FunctionMeasure]:
        """Return the functions with more than 10 paths, the worst first."""
        found = [function for function in self.functions if function.paths > 10]
        return sorted(found, key=lambda function: -function.paths)

    @property
    def density(self) -> float:
        """Return the median of branches per 10 lines, over functions of 10 lines and more."""
        long = [function for function in self.functions if function.lines >= SHORT]
        return statistics.median(function.branches_per_10_lines for function in long)


def count_paths(function: Function) -> int:
    """Return the number of paths through a function, those of functions inside it included."""
    paths = 1
    for node in ast.walk(function):
        if isinstance(node, FORKS):
            paths += 1
        elif isinstance(node, ast.BoolOp):
            paths += len(node.values) - 1
    return paths


def count_lines(function: Function) -> int:
    """Return the number of lines of a function's body without its docstring."""
    body = function.body
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def measure(root: Path) -> Measures:
    """Measure the package below a checkout."""
    measures = Measures()
    for path in sorted((root / "openviper").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        measures.modules += 1
        measures.lines += text.count("\n")
        measures.file_lines.append(text.count("\n"))
        tree = ast.parse(text)
        for function in _functions(tree):
            place = f"{path.relative_to(root)}:{function.lineno} {function.name}"
            lines = count_lines(function)
            measures.functions.append(FunctionMeasure(place, lines, count_paths(function)))
            _measure_signature(measures, function)
        measures.late_imports += _late_imports(tree)
    for path in (root / "tests").rglob("*.py"):
        measures.test_lines += path.read_text(encoding="utf-8").count("\n")
    return measures


def _functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def _measure_signature(measures: Measures, function: Function) -> None:
    if function.name.startswith("_"):
        return
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    annotations = [argument.annotation for argument in every] + [function.returns]
    measures.public_functions += 1
    if any(_names_any(annotation) for annotation in annotations if annotation is not None):
        measures.public_with_any += 1


def _names_any(annotation: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(annotation))


def _late_imports(tree: ast.Module) -> int:
    late = set()
    for function in _functions(tree):
        for node in ast.walk(function):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("openviper"):
                late.add(node.lineno)
            elif isinstance(node, ast.Import):
                late |= {node.lineno for name in node.names if name.name.startswith("openviper")}
    return len(late)


def rows(measures: Measures) -> list[tuple[str, str]]:
    """Return the table: what, and how much."""
    functions = [function.lines for function in measures.functions]
    files = sorted(measures.file_lines)
    return [
        ("modules / lines", f"{measures.modules} / {measures.lines}"),
        ("file median / longest", f"{statistics.median(files):.0f} / {files[-1]}"),
        ("functions: median / over 50 lines", _function_row(functions)),
        ("functions over 10 paths / 15", _dense_row(measures)),
        ("median branches per 10 lines", f"{measures.density:.2f}"),
        ("function-level imports of our own", str(measures.late_imports)),
        (
            "public signatures with Any",
            f"{measures.public_with_any} of {measures.public_functions}",
        ),
        ("test lines : lines", f"{measures.test_lines / measures.lines:.2f}"),
    ]


def _function_row(lines: list[int]) -> str:
    return f"{statistics.median(lines):.0f} / {sum(count > 50 for count in lines)}"


def _dense_row(measures: Measures) -> str:
    return f"{len(measures.dense)} / {sum(function.paths > 15 for function in measures.dense)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Print the measures of the house.")
    parser.add_argument("directory", nargs="?", type=Path, default=ROOT, help="a checkout")
    parser.add_argument("--dense", action="store_true", help="list functions of over 10 paths")
    options = parser.parse_args()
    measures = measure(options.directory)
    for what, how_much in rows(measures):
        print(f"{what:<40} {how_much}")
    if options.dense:
        for function in measures.dense:
            print(f"{function.paths:>4} paths {function.lines:>4} lines  {function.place}")


if __name__ == "__main__":
    main()
