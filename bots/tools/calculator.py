"""Exact arithmetic for a model that guesses at it. Python's parser reads, and only the nodes named here are worked out.

Numbers are fractions, so that 0.1 + 0.2 is 0.3 and 10 / 3 * 3 is 10; roots and large powers are good to 60 digits.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, Overflow, Underflow
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from bots.tools.base import ToolError, tool

MAX_LENGTH = 500
MAX_DIGITS = 1000  # before the decimal point, and zeros after it
MAX_EXACT_BITS = 20_000  # a longer fraction is rounded to the digits of _ROUNDING
_ROUNDING = Context(prec=60, rounding=ROUND_HALF_UP, Emax=2000, Emin=-2000, traps=[Overflow, Underflow])
_UNREADABLE = "this is not an expression I can read; check the brackets, and write every operator, as in 3 * (4 + 1)"
_PI = Fraction("3.14159265358979323846264338327950288419716939937510582097494459")

# A number with commas between its thousands is one token; "1,23" and "1234,5" are two numbers and a comma.
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|\.[0-9]+(?:e[+-]?[0-9]+)?)"
    r"|(?P<name>[a-z]+)|(?P<sign>\*\*|//|[-+*/%^(),×·÷:−–])|(?P<space>\s+)"
)
_SPELLINGS = {"^": "**", "×": "*", "·": "*", "÷": "/", ":": "/", "−": "-", "–": "-", "of": "@", "mod": "%"}
_PLUS_OR_MINUS = {"+", "-", "−", "–"}
_ENDS_OPERAND = {"", ")", ",", "*", "/", "//", "**", "^", "×", "·", "÷", ":", "of", "mod", "%"}


@tool
def calculate(expression: Annotated[str, Field(max_length=MAX_LENGTH)]) -> str:
    """The exact result of an arithmetic expression. Use it for every calculation beyond the simplest.

    expression: numbers with + - * / // % ** and brackets; sqrt, abs, round(x, digits), min, max, pi; percentages as
        in "15% of 80". For example "(1250 - 15% of 1250) * 1.19".
    """
    text = _python(expression.lower().strip().removesuffix("=").strip())
    try:
        tree = ast.parse(text, mode="eval")
        return _shown(_value(tree.body))
    except (SyntaxError, MemoryError, RecursionError):
        raise ToolError(_UNREADABLE) from None
    except ZeroDivisionError:
        raise ToolError("division by zero has no result") from None


# Reading: the expression in Python's grammar


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    after_space: bool


def _tokens(expression: str) -> Iterator[_Token]:
    position, after_space = 0, False
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ToolError(f"{expression[position]!r} has no meaning here; use numbers and + - * / // % ** ( )")
        if match.lastgroup != "space":
            yield _Token(match.lastgroup or "", match[0], after_space)
        position, after_space = match.end(), match.lastgroup == "space"


def _python(expression: str) -> str:
    """The expression as Python reads it: numbers in quotes (kept exact), `15%` as `"15".percent`, `of` as `@`."""
    tokens = [_Token("sign", "", after_space=False), *_tokens(expression), _Token("sign", "", after_space=False)]
    words: list[str] = []
    calls: list[bool] = []  # of each open bracket: whether it holds the arguments of a function
    for before, token, following in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if before.kind == token.kind == "number":  # Python would join two texts
            raise ToolError(_UNREADABLE)
        if token.text == "(":
            calls.append(before.text in _FUNCTIONS)
        elif token.text == ")" and calls:
            calls.pop()
        words.append(_word(token, in_call=bool(calls) and calls[-1], follower=following.text))
    return " ".join(words)


def _word(token: _Token, *, in_call: bool, follower: str) -> str:
    if "," in token.text and in_call != (token.text == ","):
        raise ToolError("a comma is unclear here; write 1.5 and 1234567, and a space after the commas in max(1, 2)")
    if token.kind == "name" and token.text not in {"pi", *_SPELLINGS, *_FUNCTIONS}:
        raise ToolError(
            f"{token.text!r} is unknown; there are pi, {', '.join(_FUNCTIONS)}, and 'of' after a percentage"
        )
    if token.kind == "number":
        return f'"{token.text.replace(",", "")}"'
    return ".percent" if token.text == "%" and _is_percent(token, follower) else _SPELLINGS.get(token.text, token.text)


def _is_percent(token: _Token, follower: str) -> bool:
    """Whether a % is a percentage; else it is the remainder of a division."""
    if follower in _PLUS_OR_MINUS and token.after_space:
        raise ToolError("this % is unclear; write 50% for a percentage, and 10 % (-3) for a remainder")
    return follower in _ENDS_OPERAND | _PLUS_OR_MINUS


# Working out


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=str(text)):
            return _number(text)
        case ast.Name(id="pi"):
            return _PI
        case ast.Attribute(value=inner, attr="percent"):
            return _value(inner) / 100
        case ast.UnaryOp(op=sign, operand=inner):
            return -_value(inner) if isinstance(sign, ast.USub) else _value(inner)
        case ast.BinOp(op=operation):
            left, right = _value(node.left), _value(node.right)
            _check_percent(node, left)
            return _small(_OPERATIONS[type(operation)](left, right))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _applied(name, [_value(argument) for argument in arguments])
    raise ToolError(_UNREADABLE)


def _number(text: str) -> Fraction:
    try:
        number = Decimal(text)
    except InvalidOperation:  # its exponent is beyond all bounds
        raise _too_large() from None
    if number and abs(number.adjusted()) > MAX_DIGITS:
        raise _too_large()
    return Fraction(number) if number else Fraction(0)


def _check_percent(node: ast.BinOp, left: Fraction) -> None:
    """Nothing, or ToolError where people read a percentage in two ways; 1 + 5% is the same in both."""
    after_percent = _ends_in_percent(node.left)
    if isinstance(node.op, ast.MatMult) and not after_percent:
        raise ToolError("'of' follows a percentage, as in 15% of 80; else put brackets around")
    if isinstance(node.op, ast.Add | ast.Sub) and _ends_in_percent(node.right) and not after_percent and left != 1:
        raise ToolError("this % is unclear; write 80 + 15% of 80, or 80 + 0.15")


def _ends_in_percent(node: ast.expr) -> bool:
    match node:
        case ast.Attribute():
            return True
        case ast.UnaryOp(operand=inner):
            return _ends_in_percent(inner)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.MatMult(), right=right):
            return _ends_in_percent(right)
    return False


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    is_whole = exponent.denominator == 1
    if is_whole and (abs(base) in (0, 1) or abs(exponent) * _bits(base) <= MAX_EXACT_BITS):
        return base**exponent.numerator
    if base < 0 and not is_whole:
        raise ToolError("a broken power of a negative number has no real result")
    if abs(exponent) > 10**40:  # 60 digits of the base would not give one digit of the result
        raise _too_large()
    if base == 0:
        return base if exponent > 0 else 1 / base
    try:
        return Fraction(_ROUNDING.power(_decimal(base), _decimal(exponent)))
    except (Overflow, Underflow):
        raise _too_large() from None


def _square_root(value: Fraction) -> Fraction:
    if value < 0:
        raise ToolError("a negative number has no real square root")
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    return Fraction(_ROUNDING.sqrt(_decimal(value)))


def _rounded(value: Fraction, digits: Fraction = Fraction(0)) -> Fraction:
    """Half away from zero, as at school: 2.5 is 3."""
    if digits.denominator != 1 or abs(digits) > 100:
        raise ToolError("round(x, digits) needs a whole number of digits, at most 100")
    shift = Fraction(10) ** int(digits)
    whole = math.floor(abs(value) * shift + Fraction(1, 2))
    return Fraction(-whole if value < 0 else whole) / shift


_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.MatMult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda left, right: Fraction(left // right),
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
# name: function, fewest and most arguments
_FUNCTIONS: dict[str, tuple[Callable[..., Fraction], int, int]] = {
    "sqrt": (_square_root, 1, 1),
    "abs": (abs, 1, 1),
    "round": (_rounded, 1, 2),
    "min": (lambda *values: min(values), 1, MAX_LENGTH),
    "max": (lambda *values: max(values), 1, MAX_LENGTH),
}


def _applied(name: str, values: list[Fraction]) -> Fraction:
    function, fewest, most = _FUNCTIONS[name]
    if not fewest <= len(values) <= most:
        raise ToolError(
            f"{name}() has {len(values)} arguments; it takes {fewest if fewest == most else f'{fewest} to {most}'}"
        )
    return _small(function(*values))


# Bounds


def _small(value: Fraction) -> Fraction:
    """The value, rounded where it is a very long fraction. Raises ToolError where it is out of bounds."""
    if value:
        _check_digits(_log10(abs(value)))
    return Fraction(_decimal(value)) if _bits(value) > MAX_EXACT_BITS else value


def _check_digits(digits: float) -> None:
    if abs(digits) > MAX_DIGITS:
        raise _too_large()


def _too_large() -> ToolError:
    return ToolError(f"a number is too large or too small here: more than {MAX_DIGITS} digits")


def _log10(value: Fraction) -> float:
    return math.log10(value.numerator) - math.log10(value.denominator)


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _decimal(value: Fraction) -> Decimal:
    return _ROUNDING.divide(Decimal(value.numerator), Decimal(value.denominator))


def _shown(value: Fraction) -> str:
    """All digits of whole and short decimal numbers; else ten after the point, or ten significant ones below 1."""
    size = abs(value)
    if size >= 10**50 or 0 < size < Fraction(1, 10**10):
        return f"{Context(prec=15).plus(_decimal(value)).normalize():e}"
    places = 15 if 10**15 % value.denominator == 0 else 10 if size >= 1 else 9 - math.floor(_log10(size))
    text = f"{_ROUNDING.plus(_decimal(_rounded(value, Fraction(places)))):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
