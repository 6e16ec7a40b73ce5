// The block that runs: its fibers and its shared memory. Internal to the emulation.
#pragma once

#include "emu.hpp"

#include <map>
#include <memory>

#include <ucontext.h>

namespace emu {

enum class State { kReady, kBarrier, kWarp, kDone };

struct Thread : Fiber {
  State state;
  uint32_t mask;      // of the warp operation it waits in
  void * stack;       // lowest byte
  void * fake_stack;  // the address sanitizer's
  int32_t warp_epoch; // warp barriers so far
#if defined(__x86_64__)
  void * top; // saved stack pointer
#else
  ucontext_t context;
#endif
};

struct Warp {
  uint32_t arrived;
  uint64_t slots[2][kWarp]; // two sides: the next exchange may begin before all have read this one
  int side;
};

struct Block {
  Thread threads[kMaxThreads];
  Warp warps[kMaxThreads / kWarp];
  int count;
  int waiting; // at the block's barrier
  int finished;
  int32_t epoch; // block barriers so far
  const std::function<void()> * body;
  std::exception_ptr failure;
  std::vector<std::unique_ptr<SharedArray>> arrays;
  std::map<const void *, SharedArray *> by_key;
  std::vector<int> order;
  uint64_t random;
#if defined(__x86_64__)
  void * scheduler;
#else
  ucontext_t scheduler;
#endif
  void * scheduler_fake = nullptr;
  const void * scheduler_stack = nullptr;
  size_t scheduler_size = 0;
};

extern Block * block;
inline Thread & me() { return *static_cast<Thread *>(self); }
std::string where(int a, int b = -1); // "block ..., thread a and thread b"
void free_arrays();

} // namespace emu
