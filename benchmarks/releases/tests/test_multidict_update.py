from multidict import MultiDict


def test_update_replaces_the_values():
    query = MultiDict((f"field{number}", "1") for number in range(300))

    query.update((f"field{number}", "2") for number in range(300))

    assert set(query.values()) == {"2"}
