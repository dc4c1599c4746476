import pytest
import sqlalchemy as sa

ENGINE = sa.create_engine("sqlite://")


def test_rows_refuse_unknown_columns():
    with ENGINE.connect() as connection:
        row = connection.execute(sa.text("SELECT 1 AS one")).one()

    with pytest.raises(AttributeError):
        row.two  # noqa: B018
