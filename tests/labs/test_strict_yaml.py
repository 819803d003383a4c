"""Hostile and ambiguous YAML: each gets one clear message, from both of PyYAML's parsers, before anything is built."""

import sys

import pytest
import yaml

from ckslab_labs import strict_yaml, yaml_events
from ckslab_labs.errors import ExitCode, InvalidInput

QUOTE_IT = "Put it in quotes if it is text; write numbers plainly (42, 1.5), and true, false or null in full."


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def _parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    parser = getattr(yaml, request.param, None)
    if parser is None:
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(yaml_events, "PARSER", parser)


def refusal(text: str | bytes) -> str:
    """The whole message for a text that must be refused."""
    with pytest.raises(InvalidInput) as caught:
        strict_yaml.load(text, source="x.yaml")
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value)


def test_plain_yaml_is_read_as_yaml_1_2_reads_it() -> None:
    text = """
    text: some words
    whole: 42
    negative: -7
    decimal: 1.5
    yes-and-no: [true, false]
    nothing: [null, ~, ]
    quoted: ["NO", '1.30', "0644", '12:30:45', "null"]
    date: 2026-01-31
    image: nginx:1.29.1-alpine
    address: 10.0.0.1
    block: |
      NO
    empty: {list: [], mapping: {}}
    """
    assert strict_yaml.load(text, source="x.yaml") == {
        "text": "some words",
        "whole": 42,
        "negative": -7,
        "decimal": 1.5,
        "yes-and-no": [True, False],
        "nothing": [None, None],
        "quoted": ["NO", "1.30", "0644", "12:30:45", "null"],
        "date": "2026-01-31",
        "image": "nginx:1.29.1-alpine",
        "address": "10.0.0.1",
        "block": "NO\n",
        "empty": {"list": [], "mapping": {}},
    }


def test_bytes_with_a_byte_order_mark_are_read() -> None:
    assert strict_yaml.load("\ufeffname: Zoë".encode(), source="x.yaml") == {"name": "Zoë"}


def test_every_document_of_a_stream_is_read_and_an_empty_one_is_none() -> None:
    assert strict_yaml.load_all("a: 1\n---\n---\n- b\n", source="x.yaml") == [{"a": 1}, None, ["b"]]
    assert strict_yaml.load_all("# nothing\n", source="x.yaml") == []


AMBIGUOUS = """
    NO no Yes on OFF y N TRUE False NULL 1.30 1.0e3 1e3 0644 0o644 0x1F 0b1 12:30:45 1:30 1_000 +1 -0 00 .5 5.
    .inf -.INF .nan 9999999999999999999
"""


@pytest.mark.parametrize("word", AMBIGUOUS.split())
def test_a_word_that_can_be_read_in_two_ways_is_refused(word: str) -> None:
    expected = f"cannot read x.yaml: line 2, column 6: {word} can be read in more than one way. {QUOTE_IT}"
    assert refusal(f"a:\n  b: {word}\n") == expected


def test_a_number_that_no_computer_could_mean_is_refused_without_being_converted() -> None:
    assert f"column 1: {'9' * 40} can be read in more than one way." in refusal("9" * 5000)


def test_a_key_that_can_be_read_in_two_ways_is_refused() -> None:
    assert (
        refusal("on: push") == f"cannot read x.yaml: line 1, column 1: on can be read in more than one way. {QUOTE_IT}"
    )


@pytest.mark.parametrize("key", ["1", "true", "null", "1.5"])
def test_a_key_that_is_not_text_is_refused(key: str) -> None:
    message = f'cannot read x.yaml: line 1, column 1: the key "{key}" is not text. Put it in quotes: "{key}".'
    assert refusal(f"{key}: x") == message


@pytest.mark.parametrize("text", ["? [a, b]\n: c", "? {a: b}\n: c"])
def test_a_list_or_mapping_as_a_key_is_refused(text: str) -> None:
    message = "cannot read x.yaml: line 1, column 3: a list or mapping stands as a key. Write a text as the key."
    assert refusal(text) == message


def test_a_key_that_stands_twice_is_refused() -> None:
    message = (
        'cannot read x.yaml: line 4, column 1: the key "user" stands here again, first in line 2. Keep one of the two.'
    )
    assert refusal("# who\nuser: dana\ngroups: []\nuser: olga\n") == message


def test_the_same_key_in_two_mappings_is_no_repetition() -> None:
    assert strict_yaml.load("[{a: 1}, {a: {a: 2}}]", source="x.yaml") == [{"a": 1}, {"a": {"a": 2}}]


def test_a_merge_key_is_refused() -> None:
    message = "cannot read x.yaml: line 1, column 1: merge keys (<<) are not read here. Write the keys out."
    assert refusal("<<: {a: 1}") == message


def test_an_anchor_is_refused() -> None:
    message = (
        "cannot read x.yaml: line 1, column 4: anchors and aliases are not read here (&base). "
        "Write the value out where it is needed."
    )
    assert refusal("a: &base {b: 1}\nc: *base\n") == message


def test_an_alias_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    assert "line 1, column 4: anchors and aliases are not read here (&a)" in refusal(bomb)


@pytest.mark.parametrize(("text", "tag"), [("a: !!str 1", "tag:yaml.org,2002:str"), ("a: !x {b: 1}", "!x")])
def test_a_tag_is_refused(text: str, tag: str) -> None:
    message = (
        f"cannot read x.yaml: line 1, column 4: tags are not read here ({tag}). "
        "Remove the tag; put text that looks like a number in quotes."
    )
    assert refusal(text) == message


def test_a_tag_that_would_run_code_elsewhere_is_refused() -> None:
    text = "!!python/object/apply:os.system ['true']"
    assert "line 1, column 1: tags are not read here (tag:yaml.org,2002:python/object/apply:os)" in refusal(text)


def test_a_directive_is_refused() -> None:
    message = "cannot read x.yaml: line 1, column 1: a line that starts with %. Remove the %YAML or %TAG line."
    assert refusal("%YAML 1.1\n---\na: 1\n") == message


@pytest.mark.parametrize(("bomb", "column"), [("[" * 20_000, 41), ("{a: " * 20_000, 161), ("- " * 20_000, 81)])
def test_a_structure_20_000_deep_is_refused_without_recursion(bomb: str, column: int) -> None:
    assert len(bomb) > sys.getrecursionlimit()
    message = (
        f"cannot read x.yaml: line 1, column {column}: lists and mappings are nested more than 40 deep. "
        "Flatten the structure."
    )
    assert refusal(bomb) == message


def test_the_place_is_told_also_where_sound_lines_go_before() -> None:
    assert "line 4, column 43: lists and mappings are nested" in refusal("a: 1\nb: {c: d}\n\nx: [" + "[" * 20_000)


def test_a_structure_40_deep_is_read() -> None:
    value = strict_yaml.load("[" * 40 + "]" * 40, source="x.yaml")
    for _ in range(39):
        [value] = value
    assert value == []


def test_a_text_that_is_too_large_is_refused() -> None:
    message = "cannot read x.yaml: it is larger than 2048 KiB. Split it, or shorten it."
    assert refusal("#" * (strict_yaml.MAX_BYTES + 1)) == message


def test_more_values_than_can_be_meant_are_refused() -> None:
    text = "[" + "a," * strict_yaml.MAX_NODES + "]"
    assert "more than 100000 values. Split the file." in refusal(text)


def test_a_second_document_is_refused_where_one_is_wanted() -> None:
    message = "cannot read x.yaml: line 2, column 1: more than one document. Remove what follows the line ---."
    assert refusal("a: 1\n---\nb: 2\n") == message


def test_more_documents_than_expected_are_refused() -> None:
    with pytest.raises(InvalidInput, match="line 3, column 1: more than 2 documents"):
        strict_yaml.load_all("a\n--- b\n--- c\n", source="x.yaml", max_documents=2)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_text_is_refused_where_a_document_is_wanted(text: str) -> None:
    assert refusal(text) == "cannot read x.yaml: it is empty. Write one YAML document into it."


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    assert refusal(b"a: \xff\xfe") == "cannot read x.yaml: byte 4 is not UTF-8. Save it as UTF-8 text."


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x9b", "\ud800", "\ufeff"])
def test_a_control_character_is_refused(character: str) -> None:
    message = f"cannot read x.yaml: line 2: it holds the control character {character!a}. Remove it."
    assert refusal(f"a: 1\nb: x{character}y\n") == message


@pytest.mark.parametrize("escape", [r"\e[2J", r"\0", r"\x9b"])
def test_a_control_character_hidden_in_an_escape_is_refused(escape: str) -> None:
    assert "line 1, column 4: a text holds the control character" in refusal(f'a: "{escape}"')


def test_a_half_character_hidden_in_an_escape_is_refused() -> None:
    assert "line 1, column" in refusal('a: "\\ud800"')


@pytest.mark.parametrize(
    ("text", "where"),
    [("a: 'b", "line 1, column 6"), ("a:\n\t- b", "line 2, column 1"), ("a: b: c", "line 1, column 5")],
)
def test_broken_yaml_is_refused_with_its_place(text: str, where: str) -> None:
    message = refusal(text)
    assert message.startswith(f"cannot read x.yaml: {where}: ")
    assert message.endswith("Mend the YAML there; often an indent, a missing quote or a tab.")
