import rapidjson


class Numbers(rapidjson.Decoder):
    def end_array(self, sequence):
        return tuple(sequence)


def test_arrays_become_tuples():
    assert Numbers()('{"x": [1000, 2000]}') == {"x": (1000, 2000)}
