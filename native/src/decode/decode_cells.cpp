// Sequences as lists of cells. See decode_cells.hpp.
#include "decode/decode_cells.hpp"

#include <algorithm>
#include <utility>

namespace sphere {

Cells::Cells(int32_t cells, int32_t sequences)
    : all(static_cast<size_t>(sequences)), holders(static_cast<size_t>(cells)) {}

size_t Cells::Sequence::from(int32_t position) const {
  if (positions.empty() || position > positions.back()) {
    return positions.size();
  }
  // Mostly there is one cell a position.
  const auto guess = static_cast<size_t>(std::max(0, position - positions.front()));
  if (guess < positions.size() && positions[guess] == position && (guess == 0 || positions[guess - 1] < position)) {
    return guess;
  }
  return static_cast<size_t>(std::lower_bound(positions.begin(), positions.end(), position) - positions.begin());
}

// Both lists, before one is longer: nothing has changed where there is no memory.
void Cells::Sequence::make_room(size_t more) {
  const size_t size = cells.size() + more;
  for (std::vector<int32_t> * list : {&cells, &positions}) {
    if (list->capacity() < size) {
      list->reserve(std::max(size, 2 * list->capacity()));
    }
  }
}

int32_t Cells::last(int32_t sequence) const {
  const Sequence & s = all[static_cast<size_t>(sequence)];
  return s.positions.empty() ? -1 : s.positions.back();
}

int32_t Cells::append(int32_t sequence, int32_t position) {
  while (holders[static_cast<size_t>(head)] != 0) {
    head = head + 1 == count() ? 0 : head + 1;
  }
  Sequence & s = all[static_cast<size_t>(sequence)];
  s.make_room(1);
  s.cells.push_back(head);
  s.positions.push_back(position);
  holders[static_cast<size_t>(head)] = 1;
  used++;
  const int32_t cell = head;
  head = head + 1 == count() ? 0 : head + 1;
  return cell;
}

void Cells::copy(int32_t from, int32_t to, int32_t start, int32_t end) {
  const Sequence & source = all[static_cast<size_t>(from)];
  Sequence & target = all[static_cast<size_t>(to)];
  const size_t first = start < 0 ? 0 : source.from(start);
  const size_t past = end < 0 ? source.cells.size() : source.from(end);
  if (from == to || first >= past) {
    return;
  }
  const auto range = [&](const std::vector<int32_t> & v) { return v.begin() + static_cast<std::ptrdiff_t>(first); };
  const auto n = static_cast<std::ptrdiff_t>(past - first);
  if (target.positions.empty() || target.positions.back() < source.positions[first]) {
    target.make_room(past - first);
    target.cells.insert(target.cells.end(), range(source.cells), range(source.cells) + n);
    target.positions.insert(target.positions.end(), range(source.positions), range(source.positions) + n);
    for (size_t i = first; i < past; i++) {
      holders[static_cast<size_t>(source.cells[i])]++;
    }
    return;
  }
  Sequence merged; // by position, then by cell, a cell once
  merged.make_room(past - first + target.cells.size());
  size_t i = first, j = 0;
  while (i < past || j < target.cells.size()) {
    const bool ours = j < target.cells.size();
    const bool theirs = i < past;
    const auto key = [](const Sequence & s, size_t at) { return std::make_pair(s.positions[at], s.cells[at]); };
    if (ours && theirs && key(source, i) == key(target, j)) {
      i++;
    } else if (!ours || (theirs && key(source, i) < key(target, j))) {
      merged.cells.push_back(source.cells[i]);
      merged.positions.push_back(source.positions[i]);
      holders[static_cast<size_t>(source.cells[i++])]++;
    } else {
      merged.cells.push_back(target.cells[j]);
      merged.positions.push_back(target.positions[j++]);
    }
  }
  target = std::move(merged);
}

void Cells::release(const Sequence & sequence, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    if (--holders[static_cast<size_t>(sequence.cells[i])] == 0) {
      used--;
    }
  }
}

void Cells::remove(int32_t sequence, int32_t start, int32_t end) {
  Sequence & s = all[static_cast<size_t>(sequence)];
  const size_t first = start < 0 ? 0 : s.from(start);
  const size_t past = end < 0 ? s.cells.size() : s.from(end);
  if (first >= past) {
    return;
  }
  release(s, first, past);
  const auto cut = [&](std::vector<int32_t> & v) {
    v.erase(v.begin() + static_cast<std::ptrdiff_t>(first), v.begin() + static_cast<std::ptrdiff_t>(past));
  };
  cut(s.cells);
  cut(s.positions);
}

void Cells::clear() {
  for (Sequence & s : all) {
    s.cells.clear();
    s.positions.clear();
  }
  std::fill(holders.begin(), holders.end(), 0);
  used = 0;
  head = 0;
}

std::vector<Cells::Move> Cells::compact() {
  std::vector<int32_t> rank(holders.size());
  std::vector<Move> moves;
  int32_t next = 0;
  for (int32_t cell = 0; cell < count(); cell++) {
    if (holders[static_cast<size_t>(cell)] == 0) {
      continue;
    }
    rank[static_cast<size_t>(cell)] = next;
    if (!moves.empty() && moves.back().from + moves.back().count == cell) {
      moves.back().count++;
    } else if (cell != next) {
      moves.push_back({cell, next, 1});
    }
    holders[static_cast<size_t>(next++)] = holders[static_cast<size_t>(cell)];
  }
  std::fill(holders.begin() + next, holders.end(), 0);
  for (Sequence & s : all) {
    for (int32_t & cell : s.cells) {
      cell = rank[static_cast<size_t>(cell)];
    }
  }
  head = next == count() ? 0 : next;
  return moves;
}

} // namespace sphere
