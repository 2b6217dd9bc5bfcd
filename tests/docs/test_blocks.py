"""The reader of Markdown pages, which must not lose a block."""

from blocks import Command, blocks_of, commands_of, missing_line

PAGE = """\
# Title

```toml file=a.toml
x = 1
```

```console exit=1
$ first --option   # a comment
…seen…
and this

$ second
```
"""


def page(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_blocks_come_in_order_with_their_options_and_lines(tmp_path):
    toml, console = blocks_of(page(tmp_path))
    assert (toml.language, toml.options, toml.text) == ("toml", {"file": "a.toml"}, "x = 1\n")
    assert (console.language, console.options, console.line) == ("console", {"exit": "1"}, 8)


def test_a_console_block_is_commands_with_their_output(tmp_path):
    _, console = blocks_of(page(tmp_path))
    assert commands_of(console) == [
        Command("first --option", ("…seen…", "and this")),
        Command("second", ()),
    ]


def test_expected_lines_must_follow_in_order():
    output = "one\ntwo\nthree\n"
    assert missing_line(("one", "three"), output) is None
    assert missing_line(("t…o", "thr…"), output) is None
    assert missing_line(("two", "one"), output) == "one"
    assert missing_line(("four",), output) == "four"
