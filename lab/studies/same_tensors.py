"""Are the tensors of two GGUF files equal byte for byte? Prints the first that differs; exit status 1 then."""

import struct
import sys

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9


def tensors(path):
    """Name -> (shape, type, bytes). A tensor's bytes end where the next one begins."""
    data = open(path, "rb").read()
    at = 8

    def number(code):
        nonlocal at
        value = struct.unpack_from("<" + code, data, at)[0]
        at += struct.calcsize(code)
        return value

    def text():
        nonlocal at
        size = number("Q")
        at += size
        return data[at - size : at].decode()

    def value(kind):
        nonlocal at
        if kind == STRING:
            return text()
        if kind == ARRAY:
            element, count = number("I"), number("Q")
            for _ in range(count):
                value(element)
            return None
        at += SIZES[kind]
        return data[at - SIZES[kind] : at]

    count, pairs, alignment = number("Q"), number("Q"), 32
    for _ in range(pairs):
        key, found = text(), value(number("I"))
        if key == "general.alignment":
            alignment = struct.unpack("<I", found)[0]
    infos = []
    for _ in range(count):
        name, dims = text(), number("I")
        infos.append((name, [number("Q") for _ in range(dims)], number("I"), number("Q")))
    start = (at + alignment - 1) // alignment * alignment
    ends = sorted({offset for *_, offset in infos} | {len(data) - start})
    return {
        name: (shape, kind, data[start + offset : start + ends[ends.index(offset) + 1]])
        for name, shape, kind, offset in infos
    }


def main():
    one, two = tensors(sys.argv[1]), tensors(sys.argv[2])
    if not one:
        sys.exit(f"{sys.argv[1]} has no tensors")
    for name in sorted(one.keys() | two.keys()):
        if one.get(name) != two.get(name):
            sys.exit(f"{sys.argv[1]} {sys.argv[2]} differ: tensor {name}")


main()
