// Fibers, barriers and warp exchanges. See emu.hpp.
#include "block.hpp"

#include <algorithm>
#include <mutex>

#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
// A fake stack for each of thousands of fibers costs more than all else.
extern "C" const char * __asan_default_options() { return "detect_stack_use_after_return=0"; }
#endif

namespace emu {

Settings settings;
Counters counters;
Fiber * self;
dim3 block_index, block_size, grid_size;
Block * block;

std::string where(int a, int b) {
  std::string text = "block (" + std::to_string(block_index.x) + ", " + std::to_string(block_index.y) + ", " +
                     std::to_string(block_index.z) + "), thread " + std::to_string(a);
  return b < 0 ? text : text + " and thread " + std::to_string(b);
}

namespace {

constexpr size_t kStack = size_t{256} << 10;

// ---- switching stacks: 20 instructions instead of swapcontext's two system calls ----

#if defined(__x86_64__)
extern "C" void sphere_emu_switch(void ** save, void * load);
asm(R"(
.text
.globl sphere_emu_switch
.type sphere_emu_switch,@function
sphere_emu_switch:
  endbr64
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size sphere_emu_switch,.-sphere_emu_switch
)");
#endif

std::recursive_mutex one_at_a_time;

void switch_to_scheduler(bool for_good) {
#if defined(__SANITIZE_ADDRESS__)
  Thread & t = me();
  __sanitizer_start_switch_fiber(for_good ? nullptr : &t.fake_stack, block->scheduler_stack, block->scheduler_size);
#endif
  (void)for_good;
#if defined(__x86_64__)
  sphere_emu_switch(&me().top, block->scheduler);
#else
  swapcontext(&me().context, &block->scheduler);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(me().fake_stack, &block->scheduler_stack, &block->scheduler_size);
#endif
}

struct Abandoned {}; // thrown through a fiber to run its destructors when another one has failed

void yield() {
  counters.switches++;
  switch_to_scheduler(false);
  if (block->failure) {
    throw Abandoned{};
  }
}

void entry() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &block->scheduler_stack, &block->scheduler_size);
#endif
  try {
    if (!block->failure) {
      (*block->body)();
    }
  } catch (const Abandoned &) {
  } catch (...) {
    if (!block->failure) {
      block->failure = std::current_exception();
    }
  }
  me().state = State::kDone;
  block->finished++;
  switch_to_scheduler(true);
  __builtin_unreachable();
}

void start(Thread & t) {
#if defined(__SANITIZE_ADDRESS__)
  // The last fiber on this stack ended by a switch, not by a return: its first frames are still fenced.
  __asan_unpoison_memory_region(static_cast<unsigned char *>(t.stack) + kStack - 8192, 8192);
#endif
#if defined(__x86_64__)
  auto top = reinterpret_cast<uintptr_t>(t.stack) + kStack;
  auto * slots = reinterpret_cast<void **>(top & ~uintptr_t{15});
  *--slots = nullptr;                         // entry's return address: it never returns
  *--slots = reinterpret_cast<void *>(entry); // where the first switch returns to
  for (int i = 0; i < 6; i++) {
    *--slots = nullptr;
  }
  t.top = slots;
#else
  getcontext(&t.context);
  t.context.uc_stack.ss_sp = t.stack;
  t.context.uc_stack.ss_size = kStack;
  t.context.uc_link = nullptr;
  makecontext(&t.context, entry, 0);
#endif
  t.fake_stack = nullptr;
}

void resume(Thread & t) {
  self = &t;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&block->scheduler_fake, t.stack, kStack);
#endif
#if defined(__x86_64__)
  sphere_emu_switch(&block->scheduler, t.top);
#else
  swapcontext(&block->scheduler, &t.context);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(block->scheduler_fake, nullptr, nullptr);
#endif
  self = nullptr;
}

// Stacks live as long as the process; a guard page below each.
void give_stacks(int count) {
  static int have = 0;
  for (; have < count; have++) {
    auto * memory = static_cast<unsigned char *>(
        mmap(nullptr, kStack + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (memory == MAP_FAILED) {
      throw std::bad_alloc();
    }
    mprotect(memory, 4096, PROT_NONE);
    block->threads[have].stack = memory + 4096;
  }
}

uint64_t next_random() { // xorshift64*
  uint64_t & x = block->random;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  return x * 0x2545F4914F6CDD1Dull;
}

void shuffle() {
  for (int i = block->count - 1; i > 0; i--) {
    std::swap(block->order[i], block->order[next_random() % (i + 1)]);
  }
}

[[noreturn]] void diverged() {
  int waits = -1, other = -1;
  for (int i = 0; i < block->count; i++) {
    const Thread & t = block->threads[i];
    if (t.state == State::kBarrier || t.state == State::kWarp) {
      waits = waits < 0 ? i : waits;
      if (t.state != block->threads[waits].state) {
        other = i;
      }
    } else if (other < 0) {
      other = i;
    }
  }
  const bool at_barrier = block->threads[waits].state == State::kBarrier;
  throw Defect(std::string(at_barrier ? "diverged barrier: " : "diverged warp operation: ") + where(waits, other) +
               " do not both reach it");
}

void run_block(const std::function<void()> & body) {
  block->body = &body;
  block->waiting = block->finished = 0;
  block->epoch = 0;
  block->failure = nullptr;
  for (int i = 0; i < block->count; i++) {
    Thread & t = block->threads[i];
    t.index = i;
    t.thread = dim3(i % block_size.x, i / block_size.x % block_size.y, i / (block_size.x * block_size.y));
    t.state = State::kReady;
    t.warp_epoch = 0;
    start(t);
  }
  for (Warp & w : block->warps) {
    w.arrived = 0;
    w.side = 0;
  }
  while (block->finished < block->count) {
    if (settings.seed != 0) {
      shuffle();
    }
    bool moved = false;
    for (int i : block->order) {
      Thread & t = block->threads[i];
      // After a failure every thread runs once more, to leave its frames.
      if (t.state == State::kReady || (block->failure && t.state != State::kDone)) {
        resume(t);
        moved = true;
      }
    }
    if (!moved) {
      try {
        diverged();
      } catch (...) {
        block->failure = std::current_exception();
      }
    }
  }
  counters.blocks++;
  free_arrays();
  if (block->failure) {
    std::rethrow_exception(block->failure);
  }
}

} // namespace

int lane() { return self->index % kWarp; }

void run_grid(dim3 grid, dim3 size, size_t dynamic_shared, const std::function<void()> & body) {
  const std::lock_guard<std::recursive_mutex> guard(one_at_a_time);
  if (!block) {
    block = new Block();
  }
  block_size = size;
  grid_size = grid;
  block->count = static_cast<int>(size.x * size.y * size.z);
  give_stacks(block->count);
  block->order.resize(block->count);
  for (int i = 0; i < block->count; i++) {
    block->order[i] = i;
  }
  counters.launches++;
  block->random = settings.seed * 0x9E3779B97F4A7C15ull + 1;
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  const uint64_t count = settings.last_blocks == 0 ? blocks : std::min(blocks, settings.last_blocks);
  std::vector<uint64_t> order(count);
  for (uint64_t i = 0; i < count; i++) {
    order[i] = blocks - count + i;
    if (settings.seed != 0) { // blocks must not depend on each other's order either
      std::swap(order[i], order[next_random() % (i + 1)]);
    }
  }
  for (const uint64_t b : order) {
    block_index = dim3(static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                       static_cast<unsigned>(b / grid.x / grid.y));
    if (dynamic_shared > 0) {
      shared_array(nullptr, 1, static_cast<int64_t>(dynamic_shared));
    }
    run_block(body);
  }
}

void barrier() {
  Thread & t = me();
  t.state = State::kBarrier;
  if (++block->waiting == block->count) {
    block->waiting = 0;
    block->epoch++;
    for (int i = 0; i < block->count; i++) {
      block->threads[i].state = State::kReady;
    }
  }
  yield();
}

const uint64_t * warp_exchange(uint32_t mask, uint64_t value) {
  Thread & t = me();
  Warp & w = block->warps[t.index / kWarp];
  if ((mask >> lane() & 1u) == 0) {
    throw Defect("warp operation: " + where(t.index) + " is not in its own mask");
  }
  const int side = w.side;
  w.slots[side][lane()] = value;
  w.arrived |= 1u << lane();
  t.mask = mask;
  t.state = State::kWarp;
  const int first = t.index - lane();
  if ((w.arrived & mask) == mask) {
    for (int i = 0; i < kWarp; i++) {
      if ((mask >> i & 1u) != 0) {
        if (block->threads[first + i].mask != mask) {
          throw Defect("warp operation: " + where(t.index, first + i) + " name different masks");
        }
        block->threads[first + i].state = State::kReady;
      }
    }
    w.arrived &= ~mask;
    w.side ^= 1;
  }
  yield();
  return w.slots[side];
}

void warp_barrier(uint32_t mask) {
  warp_exchange(mask, 0);
  me().warp_epoch++;
}

} // namespace emu
