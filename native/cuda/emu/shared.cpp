// Shared memory: bounds, and who may touch a cell when. See emu.hpp.
#include "block.hpp"

#include <algorithm>
#include <new>

namespace emu {

// Who touched a cell last: the writer, and one reader of every warp (or kMany).
struct Shadow {
  static constexpr int kMany = -2, kNobody = -1;
  struct Mark {
    int32_t epoch = -1, warp_epoch = -1, thread = kNobody;
    bool atomic = false;
  };
  bool written = false;
  Mark writer;
  Mark readers[kMaxThreads / kWarp];
};

void free_arrays() {
  for (const auto & a : block->arrays) {
    ::operator delete[](a->at, std::align_val_t{16});
    delete[] a->shadow;
  }
  block->arrays.clear();
  block->by_key.clear();
}

namespace {

// Whether an access by t comes after the marked one for certain.
bool ordered(const Shadow::Mark & mark, const Thread & t) {
  if (mark.thread == Shadow::kNobody || mark.thread == t.index || mark.epoch < block->epoch) {
    return true;
  }
  if (mark.thread == Shadow::kMany) {
    return false;
  }
  return mark.thread / kWarp == t.index / kWarp && mark.warp_epoch < t.warp_epoch;
}

[[noreturn]] void race(const SharedArray & array, int64_t index, const char * what, const Shadow::Mark & other) {
  throw Defect("race on shared memory: " + where(me().index, other.thread) + " " + what + " element " +
               std::to_string(index) + " of " + std::to_string(array.count) + " without a barrier in between");
}

} // namespace

SharedArray & shared_array(const void * key, size_t element, int64_t count) {
  SharedArray *& found = block->by_key[key];
  if (!found) {
    const auto bytes = static_cast<size_t>(count) * element;
    auto * at = static_cast<unsigned char *>(::operator new[](std::max<size_t>(bytes, 1), std::align_val_t{16}));
    std::memset(at, 0xA5, bytes); // nobody may rely on zeros
    block->arrays.push_back(std::make_unique<SharedArray>(SharedArray{at, count, element, nullptr}));
    found = block->arrays.back().get();
  }
  return *found;
}

SharedArray & dynamic_array(size_t element) {
  SharedArray & bytes = shared_array(nullptr, 1, 0);
  // The launch gave a number of bytes; seen through the kernel's type they are elements.
  if (bytes.element != element && bytes.shadow == nullptr) {
    bytes.count = bytes.count * static_cast<int64_t>(bytes.element) / static_cast<int64_t>(element);
    bytes.element = element;
  }
  return bytes;
}

void check(const SharedArray & array, int64_t index, Access access) {
  counters.shared_accesses++;
  if (index < 0 || index >= array.count) {
    throw Defect("shared memory: " + where(me().index) + " uses element " + std::to_string(index) + " of " +
                 std::to_string(array.count));
  }
  if (!settings.check_races) {
    return;
  }
  auto & a = const_cast<SharedArray &>(array);
  if (!a.shadow) {
    a.shadow = new Shadow[static_cast<size_t>(a.count)];
  }
  Shadow & s = a.shadow[index];
  Thread & t = me();
  if (access != Access::kWrite && !s.written) {
    throw Defect("shared memory: " + where(t.index) + " reads element " + std::to_string(index) + " of " +
                 std::to_string(array.count) + ", which nobody wrote");
  }
  const bool both_atomic = access == Access::kAtomic && s.writer.atomic;
  if (!both_atomic && !ordered(s.writer, t)) {
    race(array, index, access == Access::kRead ? "write and read" : "both write", s.writer);
  }
  if (access == Access::kRead) {
    Shadow::Mark & r = s.readers[t.index / kWarp];
    const bool same = r.epoch == block->epoch && r.thread != t.index && r.thread != Shadow::kNobody &&
                      !(r.thread >= 0 && r.warp_epoch < t.warp_epoch);
    r = {block->epoch, t.warp_epoch, same ? Shadow::kMany : t.index, false};
    return;
  }
  for (const Shadow::Mark & r : s.readers) {
    if (!ordered(r, t)) {
      race(array, index, "read and write", r);
    }
  }
  s.written = true;
  s.writer = {block->epoch, t.warp_epoch, t.index, access == Access::kAtomic};
}

} // namespace emu
