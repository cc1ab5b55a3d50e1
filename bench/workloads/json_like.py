"""N records as json.loads would give them: nested dict, list, str, float.

Per record: a dict, an id str, a float, a nested dict holding a str and two
floats, and a list of four items (str, int above the small-int cache, and two
shared values): 10 objects.  Keys are shared, as the json module's memo does.

usage: python json_like.py N [--hold SECONDS]
"""

import gc
import random

import _common

CITIES = ["city-%d" % i for i in range(64)]


def build(n, seed=_common.SEED):
    rnd = random.Random(seed)
    rand = rnd.random
    was = gc.isenabled()
    gc.disable()
    records = []
    for i in range(n):
        records.append(
            {
                "id": "rec-%012d" % i,
                "price": rand() * 1000.0,
                "place": {
                    "street": "%d Long Street" % (i + 1000),
                    "lat": rand() * 180.0 - 90.0,
                    "lon": rand() * 360.0 - 180.0,
                    "city": CITIES[i & 63],
                },
                "tags": ["tag-%08d" % i, 7_000_000 + i, None, CITIES[i & 31]],
                "active": True,
            }
        )
    if was:
        gc.enable()
    census = {"dict": 2 * n, "str": 3 * n, "float": 3 * n, "list": n + 1, "int": n}
    return records, census


if __name__ == "__main__":
    _common.main(build, 100_000)
