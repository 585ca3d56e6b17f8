"""placeholder"""


def run(folder, upstream, only):
    return []
