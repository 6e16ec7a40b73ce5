// Which paths share which cells. See attention.hpp.
#include "attention/attention.hpp"

#include <algorithm>

namespace sphere {
namespace {

// The first number of a cell from `from` on in which two paths differ, at most both's length.
int mismatch(const Path & a, const Path & b, int from) {
  const int end = std::min(a.n, b.n);
  if (a.cells == b.cells) { // one list: a sequence that is computed
    return end;
  }
  int i = from;
  constexpr int STEP = 16;
  for (; i + STEP <= end; i += STEP) {
    int32_t different = 0;
    for (int j = 0; j < STEP; j++) {
      different |= a.cells[i + j] ^ b.cells[i + j];
    }
    if (different != 0) {
      break;
    }
  }
  while (i < end && a.cells[i] == b.cells[i]) {
    i++;
  }
  return i;
}

} // namespace

void sort_paths(Path * paths, int n) {
  int common = n > 0 ? paths[0].n : 0; // to all: looked at once
  for (int i = 1; i < n; i++) {
    common = std::min(common, mismatch(paths[0], paths[i], 0));
  }
  std::sort(paths, paths + n, [&](const Path & a, const Path & b) {
    const int i = mismatch(a, b, common);
    const bool longer_a = i < a.n, longer_b = i < b.n;
    if (longer_a && longer_b) {
      return a.cells[i] < b.cells[i];
    }
    return longer_a != longer_b ? longer_b : a.token < b.token;
  });
  for (int i = 0; i < n; i++) {
    const int same = i == 0 ? 0 : mismatch(paths[i - 1], paths[i], common);
    paths[i].same = i > 0 && same == paths[i - 1].n ? ALL_SAME : same;
  }
}

} // namespace sphere
