// The emulation itself: right kernels pass, each planted defect is found, and by what.
#include "kernel.cuh"

#include "check.hpp"

using namespace sphere::cuda;
using namespace test;

namespace {

// Reverses 64 numbers through shared memory; `barrier` false plants the classic defect.
__global__ void reverse(const float * in, float * out, bool barrier) {
  SPHERE_SHARED(float, tile, 64);
  tile[threadIdx.x] = in[threadIdx.x];
  if (barrier) {
    __syncthreads();
  }
  out[threadIdx.x] = tile[63 - static_cast<int>(threadIdx.x)];
}

// Warp neighbours through shared memory, with and without __syncwarp.
__global__ void neighbour(float * out, bool barrier) {
  SPHERE_SHARED(float, tile, 32);
  tile[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (barrier) {
    __syncwarp();
  }
  out[threadIdx.x] = tile[static_cast<int>(threadIdx.x) ^ 1];
}

// The second write races with the first read.
__global__ void write_after_read(float * out, bool barrier) {
  SPHERE_SHARED(float, tile, 64);
  tile[threadIdx.x] = 1;
  __syncthreads();
  const float x = tile[63 - static_cast<int>(threadIdx.x)];
  if (barrier) {
    __syncthreads();
  }
  tile[threadIdx.x] = x + 1;
  out[threadIdx.x] = x;
}

__global__ void count(float * out, bool atomic) {
  SPHERE_SHARED(uint64_t, cell, 1);
  if (threadIdx.x == 0) {
    cell[0] = 0;
  }
  __syncthreads();
  if (atomic) {
    shared_add<uint64_t>(cell, 0, 1);
  } else {
    cell[0] += 1;
  }
  __syncthreads();
  out[threadIdx.x] = static_cast<float>(static_cast<uint64_t>(cell[0]));
}

__global__ void half_barrier(float * out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  }
  out[threadIdx.x] = 1;
}

__global__ void half_shuffle(float * out) {
  if (threadIdx.x < 16) {
    out[threadIdx.x] = __shfl_xor_sync(kAll, 1.0f, 1);
  }
}

__global__ void unwritten(float * out) {
  SPHERE_SHARED(float, tile, 64);
  out[threadIdx.x] = tile[threadIdx.x];
}

__global__ void beyond_shared(float * out) {
  SPHERE_SHARED(float, tile, 64);
  tile[threadIdx.x + 1] = 1;
  out[threadIdx.x] = 0;
}

__global__ void beyond_global(float * out, int64_t n) {
  const int64_t i = threadIdx.x;
  out[i <= n ? i : n] = 1; // one too far
}

__global__ void misaligned(float * x) { reinterpret_cast<float4 *>(x + 1)->x = 1; }

// Runs the launch; the defect's text, or "" when there was none.
template <typename Launch> std::string defect(Launch launch) {
  try {
    launch();
    return "";
  } catch (const emu::Defect & e) {
    return e.what();
  }
}

void expect_defect(const std::string & found, const char * part) {
  expect(found.find(part) != std::string::npos, std::string("'") + part + "' expected, found '" + found + "'");
}

void missing_barrier() {
  const Array<float> out(64);
  const Array<float> numbers(std::vector<float>(64, 1.0f));
  for (uint64_t seed = 0; seed < 4; seed++) {
    emu::settings.seed = seed;
    expect(defect([&] { SPHERE_LAUNCH(reverse, 1, 64, 0, nullptr, numbers.get(), out.get(), true); }).empty(), "right");
    const auto found = defect([&] { SPHERE_LAUNCH(reverse, 1, 64, 0, nullptr, numbers.get(), out.get(), false); });
    // In ascending order the first reader meets a cell that nobody wrote; in others, one that is written later.
    expect(!found.empty(), "a missing barrier, seed " + std::to_string(seed));
  }
  emu::settings.seed = 0;
}

// Without the race check: ascending order hides a missing barrier here, a shuffled one does not.
void shuffled_order() {
  std::vector<float> numbers(64);
  for (size_t i = 0; i < 64; i++) {
    numbers[i] = static_cast<float>(i);
  }
  emu::settings.check_races = false;
  int wrong = 0;
  for (uint64_t seed = 1; seed < 6; seed++) {
    emu::settings.seed = seed;
    const Array<float> in(numbers), out(64);
    SPHERE_LAUNCH(reverse, 1, 64, 0, nullptr, in.get(), out.get(), false);
    const auto found = out.read();
    bool right = true;
    for (size_t i = 0; i < 64; i++) {
      right = right && found[i] == static_cast<float>(63 - i);
    }
    wrong += right ? 0 : 1;
  }
  emu::settings.check_races = true;
  emu::settings.seed = 0;
  expect(wrong == 5, "shuffled orders that show the missing barrier: " + std::to_string(wrong) + " of 5");
}

void races() {
  const Array<float> out(64);
  expect(defect([&] { SPHERE_LAUNCH(neighbour, 1, 32, 0, nullptr, out.get(), true); }).empty(), "__syncwarp orders");
  expect(!defect([&] { SPHERE_LAUNCH(neighbour, 1, 32, 0, nullptr, out.get(), false); }).empty(), "no __syncwarp");
  expect(defect([&] { SPHERE_LAUNCH(write_after_read, 1, 64, 0, nullptr, out.get(), true); }).empty(), "right");
  expect_defect(defect([&] { SPHERE_LAUNCH(write_after_read, 1, 64, 0, nullptr, out.get(), false); }),
                "race on shared memory");
  expect(defect([&] { SPHERE_LAUNCH(count, 1, 64, 0, nullptr, out.get(), true); }).empty(), "atomics do not race");
  expect(out.read() == std::vector<float>(64, 64.0f), "atomics add up");
  expect_defect(defect([&] { SPHERE_LAUNCH(count, 1, 64, 0, nullptr, out.get(), false); }), "race on shared memory");
}

void divergence() {
  const Array<float> out(64);
  expect_defect(defect([&] { SPHERE_LAUNCH(half_barrier, 1, 64, 0, nullptr, out.get()); }), "diverged barrier");
  expect_defect(defect([&] { SPHERE_LAUNCH(half_shuffle, 1, 32, 0, nullptr, out.get()); }), "diverged warp operation");
}

void shared_memory() {
  const Array<float> out(64);
  expect_defect(defect([&] { SPHERE_LAUNCH(unwritten, 1, 64, 0, nullptr, out.get()); }), "which nobody wrote");
  expect_defect(defect([&] { SPHERE_LAUNCH(beyond_shared, 1, 64, 0, nullptr, out.get()); }), "uses element 64 of 64");
}

// Launches as a device refuses them.
void bad_launch() {
  const Array<float> out(64);
  SPHERE_LAUNCH(unwritten, 1, 2048, 0, nullptr, out.get());
  expect(cudaGetLastError() == cudaErrorInvalidConfiguration, "2048 threads a block");
  SPHERE_LAUNCH(unwritten, 0, 32, 0, nullptr, out.get());
  expect(cudaGetLastError() == cudaErrorInvalidConfiguration, "an empty grid");
}

} // namespace

int main(int argc, char ** argv) {
  // Defects that a sanitizer finds end the process: CTest looks at what it says.
  if (argc > 1 && std::strcmp(argv[1], "plant-global") == 0) {
    const Array<float> out(50);
    SPHERE_LAUNCH(beyond_global, 1, 64, 0, nullptr, out.get(), int64_t{50});
    return 0;
  }
  if (argc > 1 && std::strcmp(argv[1], "plant-misaligned") == 0) {
    const Array<float> x(8);
    SPHERE_LAUNCH(misaligned, 1, 1, 0, nullptr, x.get());
    return 0;
  }
  return run({{"missing_barrier", missing_barrier},
              {"shuffled_order", shuffled_order},
              {"races", races},
              {"divergence", divergence},
              {"shared_memory", shared_memory},
              {"bad_launch", bad_launch}},
             argc, argv);
}
