// What the parts of the sampling kernel share: a row that was walked once, and draws from it.
//   sampling_walk.cpp    reads a row once: block maxima and sums; draws from all of it
//   sampling_filter.cpp  top-k, top-p, min-p: gathers what may be left, and draws from that
//   sampling_long.cpp    the same where much is left, without sorting it
#pragma once

#include "sphere_sampling.h"

#include <cstdint>
#include <limits>
#include <vector>

namespace sphere::sampling {

constexpr float INF = std::numeric_limits<float>::infinity();
constexpr int BLOCK = 768; // elements that are walked together: their weights are summed in F32 while they are in L1

// What one walk over a row leaves behind: for each block its highest logit and its sums relative to that.
struct Blocks {
  std::vector<float> max;
  std::vector<float> sum;     // of the weights at temperature 1
  std::vector<float> drawn;   // of the weights at the temperature that is drawn with
  std::vector<float> factor;  // of the block's highest logit against the row's, at temperature 1
  std::vector<float> factor2; // the same at the temperature that is drawn with
  int n = 0;
};

struct Row {
  const float * x;
  float max;
  double sum;   // of exp(x - max)
  double drawn; // of exp((x - max) / temperature)
};

// Tokens by rising id. Both arrays have room for one vector more than that.
struct Tokens {
  std::vector<float> logits;
  std::vector<int32_t> ids;
  int n = 0;
};

struct Candidate {
  float logit;
  int32_t id;
};

inline bool better(const Candidate & a, const Candidate & b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

enum Measure { COUNT, WEIGHT, DRAWN }; // one each; at temperature 1; at the temperature that is drawn with

// Sums of tokens by their distance from the best one, in steps of equal width.
struct Histogram {
  static constexpr int SIZE = 1024;
  struct Sums {
    double of[4]; // by measure
  };
  std::vector<Sums> sums;      // [SIZE]
  std::vector<uint16_t> steps; // of each token
  float low, high;             // lowest and highest logit
};

// What a thread keeps between draws.
struct Scratch {
  Blocks blocks;
  std::vector<float> row;        // a row with +infinity, rewritten
  Tokens tokens;                 // what a filter may leave
  std::vector<Candidate> sorted; // some of them, best first
  std::vector<double> weights;   // of those
  Histogram all, part;           // of the tokens; of those in one step
  Tokens step;                   // the tokens in one step
};

// Walks a row; one with +infinity becomes its limit first: those tokens equal, all others impossible.
//   temperature  whose sum Row::drawn is; 0 or 1: the sum at temperature 1 is enough
// std::invalid_argument, which names the row, when it holds NaN or leaves no token possible.
Row read_row(const float * x, int n, int row, float temperature, Scratch & s);

// The lowest token among those with the highest logit.
int first_best(const Row & row, const Blocks & s);

// One token of the whole row.
int draw_all(const Row & row, int n, const sphere_draw & d, const Blocks & s);

struct Drawn {
  Candidate token;
  double total; // of the weights of all that could have been drawn, at the draw's temperature
};

// One token of what the draw's filters leave; its row was read at temperature 1.
Drawn draw_filtered(const Row & row, int n, const sphere_draw & d, Scratch & s);

// Filters and a draw over Scratch::tokens however many there are. They are never sorted: a histogram finds the step in
// which a sum is reached, and only that step is looked into.
class LongList {
public:
  //   max  the highest logit, which is among the tokens
  LongList(float max, float temperature, Scratch & s);
  double sum() const { return sum_of(WEIGHT); }
  void keep_first(int k);
  bool keep_share(double needed); // false, and nothing is dropped, when all do not reach it
  void keep_at_least(float floor);
  Drawn draw(double uniform);

private:
  struct Place {
    int step;
    double before; // the sum of the better steps
    bool reached;
  };
  float max, c, c2;
  Scratch & s;
  int end = Histogram::SIZE; // steps from here on are dropped
  Candidate last;            // what is worse is dropped too

  float weight(float logit, Measure m) const;
  bool fill(Histogram & h, const Tokens & t) const;
  double sum_of(Measure m) const;
  static Place find(const Histogram & h, int end, Measure m, double target, bool beyond);
  Candidate locate(Place place, Measure m, double target, bool beyond) const;
  void take(int step) const;
  void cut(int step, Candidate worst);
};

} // namespace sphere::sampling
