import coverage

SOURCE = "def double(n):\n    return 2 * n\n\n\nassert double(2) == 4\n"
MEASURED = coverage.Coverage(data_file=None, config_file=False)


def test_generated_code_is_measured():
    code = compile(SOURCE, "<generated>", "exec")

    with MEASURED.collect():
        exec(code, {})
