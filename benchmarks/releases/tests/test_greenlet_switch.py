import greenlet


def test_greenlets_pass_values():
    child = greenlet.greenlet(lambda first: greenlet.getcurrent().parent.switch(first + 1) * 2)

    assert child.switch(1000) == 1001
    assert child.switch(4) == 8
