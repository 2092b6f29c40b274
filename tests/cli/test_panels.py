from pipebench.cli.panels import option


def test_an_option_has_all_its_names_and_stands_in_its_panel() -> None:
    made = option("--output -o", "Where it goes.", "Output", "FOLDER")
    assert (made.param_decls, made.help) == (("--output", "-o"), "Where it goes.")
    assert (made.rich_help_panel, made.metavar, made.autocompletion) == ("Output", "FOLDER", None)


def test_what_a_shell_may_complete_is_passed_on() -> None:
    def names(context: object, incomplete: str) -> list[str]:
        return ["one"]

    assert option("--one", "", "Plan", complete=names).autocompletion is names
