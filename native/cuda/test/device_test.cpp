// libsphere-cuda's ABI on a device that fails: at every call of cudart in turn, by every kind of error. What is asked:
// the status that fits, a line of text, nothing leaked, and a library that works again where the device does.
#include "check.hpp"

#include "sphere_cuda.h"
#include "sphere_optim.h"

using namespace test;

namespace {

struct Kind {
  cudaError_t error;
  int32_t status;
};
const Kind kKinds[] = {
    {cudaErrorMemoryAllocation, SPHERE_OUT_OF_MEMORY},
    {cudaErrorInsufficientDriver, SPHERE_CUDA_OLD_DRIVER},
    {cudaErrorNoDevice, SPHERE_CUDA_NO_DEVICE},
    {cudaErrorDevicesUnavailable, SPHERE_CUDA_NO_DEVICE},
    {cudaErrorIllegalAddress, SPHERE_CUDA_LOST},
    {cudaErrorLaunchFailure, SPHERE_CUDA_LOST},
    {cudaErrorECCUncorrectable, SPHERE_CUDA_LOST},
    {cudaErrorNoKernelImageForDevice, SPHERE_CUDA_NO_KERNELS},
    {cudaErrorUnknown, SPHERE_FAILED},
};

const sphere_device_api * open_device() {
  const sphere_device_api * api = nullptr;
  const int32_t status = sphere_cuda_open(0, &api);
  if (status != SPHERE_OK) {
    throw std::runtime_error(std::string("opening the device: ") + sphere_cuda_last_error());
  }
  return api;
}

// Every function of the table once, on its own arrays; the first status that is not SPHERE_OK.
int32_t everything(const sphere_device_api & d) {
  struct Memory { // freed whatever happens
    const sphere_device_api & d;
    std::vector<void *> taken;
    int32_t status = SPHERE_OK;
    ~Memory() {
      for (void * p : taken) {
        d.release(p);
      }
    }
    float * floats(int64_t n) {
      void * p = nullptr;
      if (status == SPHERE_OK) {
        status = d.alloc(n * 4, &p);
      }
      if (p != nullptr) {
        taken.push_back(p);
      }
      return static_cast<float *>(p);
    }
    bool run(int32_t result) {
      status = status != SPHERE_OK ? status : result;
      return status == SPHERE_OK;
    }
  } m{d, {}};
  float *a = m.floats(64), *b = m.floats(64), *c = m.floats(64), *e = m.floats(256);
  auto * ints = reinterpret_cast<int32_t *>(m.floats(8)); // zeros
  if (m.status != SPHERE_OK) {
    return m.status;
  }
  std::vector<float> host(64, 0.5f);
  sphere_draw draw{};
  draw.temperature = 1;
  draw.top_p = 1;
  const int32_t row = 0;
  float out = 0;
  double sum = 0;
  const sphere_adamw_step step{1, 1, 1e-3f, 0.9f, 0.99f, 1, 1e-8f};
  const sphere_rope_settings rope{10000, 1, 1, 0, 0, 0};
  const int32_t parents[] = {-1, 0}, offsets[] = {0, 1, 1};
  sphere_tree_attention t{};
  t.q = t.k = t.v = t.dy = a;
  t.table = b;
  t.parents = ints;
  t.y = e;
  t.slots = 2;
  t.groups = 1;
  t.head_size = 8;
  t.heads = t.kv_heads = 1;
  t.rotated = 4;
  m.run(d.copy(a, host.data(), 256)) && m.run(d.copy(b, a, 256)) && m.run(d.copy(ints, parents, 8)) &&
      m.run(d.sample_rows(a, 64, &draw, 1)) && m.run(d.logprob_rows(a, 64, 1, &row, &row, &out)) &&
      m.run(d.adamw(a, b, c, e, 64, &step, 1)) && m.run(d.sgd(a, b, nullptr, 64, 1, 1, 0.1f, 0, 0)) &&
      m.run(d.sum_squares(a, 64, &sum)) && m.run(d.fill_zero(b, 256)) && m.run(d.attention(&t)) &&
      m.run(d.attention_back(&t)) && m.run(d.rms_norm(a, b, c, 8, 8, 1e-5f)) &&
      m.run(d.rms_norm_dx(a, b, c, e, 8, 8, 1e-5f, 1)) && m.run(d.rms_norm_dw(a, c, b, 8, 8, 1e-5f)) &&
      m.run(d.swiglu(a, b, c, 64)) && m.run(d.swiglu_back(a, b, c, e, e + 64, 64)) && m.run(d.sum_rows(a, b, 8, 8)) &&
      m.run(d.copy(ints, offsets, 12)) && m.run(d.log_probs(a, 32, 2, ints, ints, 1, c)) &&
      m.run(d.log_probs_back(a, 32, 2, ints, ints, b, c)) && m.run(d.scatter(a, ints, 3, e, 8, 8, 1)) &&
      m.run(d.rope_table(ints, nullptr, e, 8, 3, &rope)) && m.run(d.synchronize()) &&
      m.run(d.copy(host.data(), a, 256));
  return m.status;
}

void whole_life() {
  expect(emu::live() == 0, "clean at the start");
  const auto * api = open_device();
  expect(std::string(api->name()) == "CUDA 0: Emulated device, sm_90", api->name());
  expect(everything(*api) == SPHERE_OK, sphere_cuda_last_error());
  const sphere_device_api * again = nullptr;
  expect(sphere_cuda_open(0, &again) == SPHERE_OK && again == api, "a second open gives the same table");
  expect(sphere_cuda_open(1, &again) == SPHERE_INVALID_ARGUMENT && again == nullptr, "another device is refused");
  sphere_cuda_close();
  sphere_cuda_close();
  expect(emu::live() == 0, "nothing left after close");
  expect(api->fill_zero(nullptr, 0) == SPHERE_INVALID_ARGUMENT, "a closed device is told from a bad call");
}

// With two devices: memory of the one that is not open is nobody's, so that no kernel is started on it.
void another_device() {
  emu::machine(2, 13000);
  void * theirs = nullptr;
  cudaSetDevice(1);
  expect(cudaMalloc(&theirs, 64) == cudaSuccess, "memory of device 1");
  const auto * api = open_device();
  void * ours = nullptr;
  expect(api->alloc(64, &ours) == SPHERE_OK, sphere_cuda_last_error());
  expect(api->owns(ours) == 1 && api->owns(static_cast<char *>(ours) + 63) == 1, "memory of device 0 is ours");
  expect(api->owns(theirs) == 0, "memory of device 1 is not");
  api->release(ours);
  cudaFree(theirs);
  sphere_cuda_close();
  emu::machine(1, 13000);
  expect(emu::live() == 0, "nothing left");
}

void every_call_fails() {
  int runs = 0;
  for (const Kind & kind : kKinds) {
    // Every call for the first kind; the others meet the same calls, every fifth of them.
    for (int64_t at = 1;; at += &kind == kKinds ? 1 : 5) {
      const int64_t before = emu::calls();
      emu::fail_at(at, kind.error);
      const sphere_device_api * api = nullptr;
      int32_t status = sphere_cuda_open(0, &api);
      status = status == SPHERE_OK ? everything(*api) : status;
      const std::string text = sphere_cuda_last_error();
      const bool reached = emu::calls() - before >= at;
      sphere_cuda_close();
      const int64_t left = emu::live();
      emu::revive();
      const std::string name = std::string(cudaGetErrorName(kind.error)) + " at call " + std::to_string(at);
      expect(left == 0, name + ": " + std::to_string(left) + " things left");
      if (!reached) {
        break; // all calls have had their turn
      }
      runs++;
      // A failure of what frees, or asks whose memory it is, is nobody's business: then all went well.
      expect(status == kind.status || status == SPHERE_OK, name + ": status " + std::to_string(status));
      expect(status == SPHERE_OK || text.find(cudaGetErrorName(kind.error)) != std::string::npos, name + ": " + text);
    }
  }
  const auto * api = open_device();
  expect(everything(*api) == SPHERE_OK, "it works again");
  sphere_cuda_close();
  std::printf("       %d failures\n", runs);
  expect(runs > 150, "few failures were tried");
}

void machines() {
  int32_t count = -1, runtime = 0, driver = -1;
  sphere_cuda_device all[4];
  emu::machine(3, 13000);
  expect(sphere_cuda_devices(2, all, &count) == SPHERE_OK && count == 3 && all[1].index == 1 && all[1].pci_bus == 2,
         "three devices, room for two");
  emu::machine(0, 13000);
  expect(sphere_cuda_devices(4, all, &count) == SPHERE_CUDA_NO_DEVICE && count == 0, "no device");
  expect(std::string(sphere_cuda_last_error()).find("no CUDA-capable device") != std::string::npos, "text");
  emu::machine(1, 0);
  expect(sphere_cuda_devices(4, all, &count) == SPHERE_CUDA_OLD_DRIVER, "no driver");
  expect(sphere_cuda_versions(&runtime, &driver) == SPHERE_OK && runtime == 13000 && driver == 0, "versions");
  const sphere_device_api * api = nullptr;
  expect(sphere_cuda_open(0, &api) == SPHERE_CUDA_OLD_DRIVER && api == nullptr, "open without a driver");
  emu::machine(1, 13000);
  expect(sphere_cuda_open(1, &api) == SPHERE_CUDA_NO_DEVICE && api == nullptr, "no such device");
  expect(sphere_cuda_open(-1, &api) == SPHERE_CUDA_NO_DEVICE, "no such device");
  expect(emu::live() == 0, "nothing left");
}

void bad_calls() {
  const auto * api = open_device();
  float x = 0;
  sphere_draw draw{};
  draw.top_p = 1;
  draw.temperature = -1;
  const int32_t bad = -1, zero = 0;
  expect(api->sample_rows(&x, 1, &draw, 1) == SPHERE_INVALID_ARGUMENT, "temperature");
  expect(api->sample_rows(nullptr, 1, &draw, 1) == SPHERE_INVALID_ARGUMENT, "no logits");
  expect(api->logprob_rows(&x, 1, 1, &bad, &zero, &x) == SPHERE_INVALID_ARGUMENT, "row");
  expect(api->logprob_rows(&x, 1, 1, &zero, &bad, &x) == SPHERE_INVALID_ARGUMENT, "target");
  expect(api->adamw(&x, &x, &x, nullptr, 1, nullptr, 0) == SPHERE_INVALID_ARGUMENT, "null");
  expect(api->fill_zero(&x, -1) == SPHERE_INVALID_ARGUMENT, "negative length");
  sphere_tree_attention t{};
  expect(api->attention(&t) == SPHERE_INVALID_ARGUMENT, "empty attention");
  expect(api->copy(nullptr, &x, 4) == SPHERE_INVALID_ARGUMENT, "copy to nowhere");
  sphere_cuda_close();
}

// libsphere's functions find the device by the memory.
void dispatch() {
  const auto * api = open_device();
  expect(sphere_device_attach(api) == SPHERE_OK, "attach");
  sphere_device_api other = *api;
  other.size -= 8;
  expect(sphere_device_attach(&other) == SPHERE_INVALID_ARGUMENT, "a table of another version");
  void * there = nullptr;
  expect(sphere_device_alloc(4 * 1000, &there) == SPHERE_OK, "alloc");
  auto * x = static_cast<float *>(there);
  Random random(1);
  std::vector<float> host = normals(random, 1000), back(1000);
  expect(sphere_device_owns(x) == 1 && sphere_device_owns(host.data()) == 0, "owns");
  expect(sphere_device_copy(x, host.data(), 4000) == SPHERE_OK, "copy there");
  double a = 0, b = 0;
  const int64_t calls = emu::calls();
  expect(sphere_sum_squares(x, 1000, 1, &a) == SPHERE_OK, "on the device");
  expect(emu::calls() > calls + 1, "the device was asked");
  expect(sphere_sum_squares(host.data(), 1000, 1, &b) == SPHERE_OK && a == b, "the same bits on the CPU");
  for (float * values : {x, host.data()}) {
    expect(sphere_sgd(values, values, nullptr, 1000, 1, 1, 0.5f, 0, 0, 1) == SPHERE_OK, "sgd");
  }
  expect(sphere_device_copy(back.data(), x, 4000) == SPHERE_OK, "copy back");
  same_bits(back, host, "dispatched");
  sphere_draw on_device{}, on_host{};
  on_device.temperature = on_device.top_p = 1;
  on_device.top_k = 30;
  on_host = on_device;
  expect(sphere_sample_rows(x, 1000, &on_device, 1, 1) == SPHERE_OK, "draw on the device");
  expect(sphere_sample_rows(host.data(), 1000, &on_host, 1, 1) == SPHERE_OK, "draw on the CPU");
  expect(on_device.token == on_host.token, "the same token");
  on_host.row = 0;
  host[5] = NAN;
  sphere_device_copy(x, host.data(), 4000);
  const int32_t status = sphere_sample_rows(x, 1000, &on_device, 1, 1);
  expect(status == SPHERE_INVALID_ARGUMENT, "NaN on the device");
  emu::fail_at(2, cudaErrorIllegalAddress);
  expect(sphere_zero(x, 1000) == SPHERE_CUDA_LOST, "a lost device's status comes through");
  expect(sphere_device_free(x) == SPHERE_CUDA_LOST, "freeing tells of it too");
  emu::revive();
  expect(sphere_device_free(x) == SPHERE_OK || emu::live() > 0, "freed");
  sphere_device_attach(nullptr);
  expect(sphere_device_owns(x) == 0 && sphere_device_alloc(4, &there) == SPHERE_FAILED, "detached");
  sphere_cuda_close();
  expect(emu::live() == 0, "nothing left");
}

} // namespace

int main(int argc, char ** argv) {
  return run({{"whole_life", whole_life},
              {"another_device", another_device},
              {"every_call_fails", every_call_fails},
              {"machines", machines},
              {"bad_calls", bad_calls},
              {"dispatch", dispatch}},
             argc, argv);
}
