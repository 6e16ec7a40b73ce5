// Arrays of more than 2^31 elements, without the memory for them: address space alone is taken, and of each grid only
// the last blocks run, at the far end. An index that is computed in 32 bits lands somewhere else: in another row, which
// shows, or outside, which ends the process.
#include "check.hpp"

#include "sphere_optim.h"

#include <sys/mman.h>

using namespace sphere::cuda;
using namespace test;

namespace {

constexpr int64_t kFar = (int64_t{1} << 31) + 1024;

// n elements that read as zeros and take memory only where they are written.
template <typename T> class Sparse {
public:
  explicit Sparse(int64_t n) : bytes_(static_cast<size_t>(n) * sizeof(T)) {
    at_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at_ == MAP_FAILED) {
      throw std::runtime_error("no address space");
    }
  }
  Sparse(const Sparse &) = delete;
  Sparse & operator=(const Sparse &) = delete;
  ~Sparse() { munmap(at_, bytes_); }
  T * get() const { return static_cast<T *>(at_); }
  T & operator[](int64_t i) const { return get()[i]; }

private:
  size_t bytes_;
  void * at_;
};

// The last `blocks` of each grid, as long as it lives.
struct Last {
  explicit Last(uint64_t blocks) { emu::settings.last_blocks = blocks; }
  ~Last() { emu::settings.last_blocks = 0; }
};

constexpr int64_t kVocabulary = 50021;
constexpr int64_t kRows = kFar / kVocabulary + 2;
static_assert((kRows - 1) * kVocabulary > kFar, "the last row lies beyond 2^31");

void logits() {
  Random random(1);
  const Sparse<float> x(kRows * kVocabulary);
  float * const far = x.get() + (kRows - 1) * kVocabulary;
  double sum = 0;
  for (int64_t i = 0; i < kVocabulary; i++) {
    far[i] = normal(random);
    sum += std::exp(static_cast<double>(far[i]));
  }
  const Logits all{x.get(), kVocabulary, kRows};
  const int32_t last = static_cast<int32_t>(kRows - 1), token = 77;

  // Draws from there, and log-probabilities: the CPU's kernels on the row alone are the reference.
  sphere_draw d{};
  d.seed = 3;
  d.temperature = d.top_p = 1;
  std::vector<DeviceDraw> draws;
  std::vector<sphere_draw> expected;
  for (int i = 0; i < 4; i++) {
    d.draw = static_cast<uint32_t>(i);
    d.top_k = i == 1 ? 50 : i == 2 ? 3000 : 0;
    d.row = 0;
    expected.push_back(d);
    d.row = last;
    draws.push_back({d, -INFINITY, -1});
  }
  const Array<DeviceDraw> there(draws);
  sample(all, there.get(), 4, SamplePath::kAuto, nullptr);
  expect(sphere_sample_rows(far, kVocabulary, expected.data(), 4, 1) == 0, "the reference");
  const auto drawn = there.read();
  for (size_t i = 0; i < 4; i++) {
    expect(drawn[i].draw.token == expected[i].token, "draw " + std::to_string(i));
  }
  const Array<int32_t> rows(std::vector<int32_t>{last}), tokens(std::vector<int32_t>{token}), status(1);
  const Array<float> out(1);
  log_probs_of_rows(all, rows.get(), tokens.get(), 1, out.get(), status.get(), nullptr);
  const double lse = std::log(sum);
  near(out.read()[0], far[token] - lse, 1e-5, 0, "log-probability");

  // Training: the last row's block, forward and backward in place.
  const Sparse<int32_t> offsets(kRows + 1);
  offsets[kRows] = 1; // the only target is the last row's
  const Array<float> weight(std::vector<float>{2.0f}), again(1);
  const Last only(1);
  log_probs(all, offsets.get(), tokens.get(), again.get(), {}, nullptr);
  near(again.read()[0], far[token] - lse, 1e-5, 0, "forward");
  const std::vector<float> before(far, far + kVocabulary);
  log_probs_back(all, offsets.get(), tokens.get(), weight.get(), again.get(), nullptr);
  for (int64_t i = 0; i < kVocabulary; i++) {
    const double p = std::exp(before[static_cast<size_t>(i)] - lse);
    near(far[i], 2 * ((i == token ? 1 : 0) - p), 1e-6, 1e-4, "backward");
  }
  expect(far[-1] == 0 && x[0] == 0, "the neighbours are as they were");
}

void optimizer() {
  Random random(2);
  const int64_t n = kFar + 3, tail = 600, from = n - tail; // the last block and the odd elements after it
  const Sparse<float> value(n), gradient(n), m(n), v(n);
  std::vector<float> a(tail), b(tail), c(tail), e(tail);
  for (int64_t i = 0; i < tail; i++) {
    a[static_cast<size_t>(i)] = value[from + i] = normal(random);
    b[static_cast<size_t>(i)] = gradient[from + i] = normal(random);
  }
  const sphere_adamw_step step{0.5f, 0.999f, 1e-2f, 0.9f, 0.99f, 1.3f, 1e-8f};
  const Last only(1);
  adamw(value.get(), gradient.get(), m.get(), v.get(), n, step, false, nullptr);
  expect(sphere_adamw(a.data(), b.data(), c.data(), e.data(), tail, step.grad_scale, step.keep, step.step_size,
                      step.beta1, step.beta2, step.root_scale, step.epsilon, 0, 1) == 0,
         "the reference");
  for (int64_t i = 0; i < 3; i++) { // beyond the last multiple of four
    const auto k = static_cast<size_t>(tail - 1 - i);
    expect(value[n - 1 - i] == a[k] && m[n - 1 - i] == c[k] && v[n - 1 - i] == e[k], "adamw at the end");
  }
  const auto k = static_cast<size_t>(tail - 4);
  expect(value[n - 4] == a[k] && m[n - 4] == c[k], "adamw, the last four");

  const int64_t blocks = (n + kSumBlock - 1) / kSumBlock;
  const Sparse<double> partial(blocks);
  sum_squares(gradient.get(), n, partial.get(), nullptr);
  double expected = 0;
  for (int64_t i = (blocks - 1) * kSumBlock; i < n; i++) {
    expected += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
  }
  near(partial[blocks - 1], expected, 0, 1e-6, "sum of squares");

  const float was = value[n - 1], slope = gradient[n - 1];
  sgd(value.get(), gradient.get(), nullptr, n, 1, 1, 0.5f, 0, false, nullptr);
  expect(value[n - 1] == was - 0.5f * slope, "sgd at the end");
}

void pointwise() {
  Random random(3);
  const int64_t width = 1000, rows = kFar / width + 1, n = width * rows, far = n - width;
  const Sparse<float> x(n), y(n);
  const std::vector<float> ones(width, 1.0f);
  const Array<float> weight(ones);
  double squares = 0;
  for (int64_t i = 0; i < width; i++) {
    x[far + i] = normal(random);
    squares += static_cast<double>(x[far + i]) * static_cast<double>(x[far + i]);
  }
  const Last only(1);
  rms_norm(x.get(), weight.get(), y.get(), width, rows, 1e-6f, nullptr);
  const double inverse = 1 / std::sqrt(squares / width + 1e-6);
  for (const int64_t i : {int64_t{0}, width - 1}) {
    near(y[far + i], x[far + i] * inverse, 1e-6, 1e-5, "rms norm");
  }
  swiglu(x.get(), x.get(), y.get(), n, nullptr);
  const double last = x[n - 1];
  near(y[n - 1], last / (1 + std::exp(-last)) * last, 1e-6, 1e-5, "swiglu");
}

// Many small trees; the last one's blocks against the same tree alone.
void trees() {
  Random random(4);
  const int64_t slots = 32, head = 64, heads = 16, kv = 4, width = head * heads;
  const int64_t groups = kFar / (width * slots) + 1, n = slots * groups, far = n - slots;
  const Sparse<float> q(n * width), k(n * head * kv), v(n * head * kv), table(n * head), y(n * width);
  const Sparse<int32_t> parents(n);
  for (int64_t i = n - 8192; i < far; i++) {
    parents[i] = -1; // trees that the last blocks of threads walk
  }
  for (int64_t i = 0; i < slots; i++) {
    parents[far + i] = static_cast<int32_t>(i == 0 ? -1 : below(random, static_cast<int>(i)));
    for (int64_t j = 0; j < width; j++) {
      q[(far + i) * width + j] = normal(random);
    }
    for (int64_t j = 0; j < head * kv; j++) {
      k[(far + i) * head * kv + j] = normal(random);
      v[(far + i) * head * kv + j] = normal(random);
    }
    for (int64_t j = 0; j < head; j++) {
      table[(far + i) * head + j] = normal(random);
    }
  }
  sphere_tree_attention a{};
  a.q = q.get();
  a.k = k.get();
  a.v = v.get();
  a.table = table.get();
  a.parents = parents.get();
  a.y = y.get();
  a.slots = slots;
  a.groups = groups;
  a.head_size = static_cast<int32_t>(head);
  a.heads = static_cast<int32_t>(heads);
  a.kv_heads = static_cast<int32_t>(kv);
  a.rotated = static_cast<int32_t>(head);
  {
    const Last only(static_cast<uint64_t>(heads)); // one tile a head
    const Sparse<unsigned char> scratch(attention_scratch(a, false));
    attention(a, scratch.get(), nullptr);
  }
  const Array<float> alone(static_cast<size_t>(slots * width));
  a.q += far * width;
  a.k += far * head * kv;
  a.v += far * head * kv;
  a.table += far * head;
  a.parents += far;
  a.y = alone.get();
  a.groups = 1;
  const Array<unsigned char> scratch(static_cast<size_t>(attention_scratch(a, false)));
  attention(a, scratch.get(), nullptr);
  same_bits(std::vector<float>(y.get() + far * width, y.get() + n * width), alone.read(), "the last tree");
  expect(y[far * width - 1] == 0, "the tree before it was not computed");
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"logits", logits}, {"optimizer", optimizer}, {"pointwise", pointwise}, {"trees", trees}}, argc, argv);
}
