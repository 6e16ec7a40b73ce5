// Which cells of a KV cache hold what: sequences as lists of cells. See sphere_decode.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sphere {

// Cells are handed out one after the other, round the cache; a freed one comes again when the others have been used.
class Cells {
public:
  struct Move {
    int32_t from, to, count; // cells; to < from
  };

  Cells(int32_t cells, int32_t sequences);

  int32_t count() const { return static_cast<int32_t>(holders.size()); }
  int32_t sequences() const { return static_cast<int32_t>(all.size()); }
  int32_t free() const { return count() - used; }

  // The highest position of a sequence, -1 when it has none.
  int32_t last(int32_t sequence) const;

  // The next free cell, of which there must be one, now the sequence's for its next position.
  int32_t append(int32_t sequence, int32_t position);

  // The cells of a sequence in the order of positions, until the sequence changes.
  int32_t length(int32_t sequence) const {
    return static_cast<int32_t>(all[static_cast<size_t>(sequence)].cells.size());
  }
  const int32_t * of(int32_t sequence) const { return all[static_cast<size_t>(sequence)].cells.data(); }

  void copy(int32_t from, int32_t to, int32_t start, int32_t end);
  void remove(int32_t sequence, int32_t start, int32_t end);
  void clear();

  // Renumbers the occupied cells from 0 on, in order: what must be moved, in the order in which it must.
  std::vector<Move> compact();

private:
  struct Sequence {
    std::vector<int32_t> cells, positions; // in ascending order of positions
    size_t from(int32_t position) const;
    void make_room(size_t more);
  };

  void release(const Sequence & sequence, size_t from, size_t to);

  std::vector<Sequence> all;
  std::vector<int32_t> holders; // of each cell, how many sequences
  int32_t used = 0;
  int32_t head = 0; // where to look for a free cell first
};

} // namespace sphere
