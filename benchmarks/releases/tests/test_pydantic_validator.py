from pydantic_core import SchemaValidator, core_schema


def test_a_call_gets_its_arguments():
    class Counter:
        def __init__(self):
            schema = core_schema.call_schema(
                core_schema.arguments_schema(
                    [core_schema.arguments_parameter("step", core_schema.int_schema())]
                ),
                self.count,
            )
            self.validator = SchemaValidator(schema)

        def count(self, step):
            return step + 1

    assert Counter().validator.validate_python((1,)) == 2
