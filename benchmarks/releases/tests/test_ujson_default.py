import ujson


class Town:
    def __str__(self):
        return f"town of {'北京'}"


def test_unknown_objects_are_encoded_by_default():
    assert ujson.dumps({"x": Town()}, default=str, ensure_ascii=False) == '{"x":"town of 北京"}'
