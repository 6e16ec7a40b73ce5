// The guarded way into llama.cpp's tokenizers. See sphere_tokenize.h.
#include "sphere_tokenize.h"

#include "common/barrier.hpp"

#include "llama.h"

#include <climits>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <pthread.h>
#include <string>

namespace {

// Twice what the worst compiler that was tried needs for a character, and a character has at least one byte.
constexpr size_t STACK_PER_BYTE = 1024;
// What the tokenizer needs for any text, and what a JVM keeps at the end of its threads' stacks (100 KiB).
constexpr size_t STACK_FIXED = 256 * 1024;

struct job {
  const llama_vocab * vocab;
  const char * text;
  int32_t bytes;
  bool add_special;
  bool parse_special;
  int32_t * tokens;
  int32_t room;
  int32_t result = 0;
  std::exception_ptr failure;
};

void * run(void * argument) noexcept {
  job & j = *static_cast<job *>(argument);
  try {
    j.result = llama_tokenize(j.vocab, j.text, j.bytes, j.tokens, j.room, j.add_special, j.parse_special);
  } catch (...) {
    j.failure = std::current_exception();
  }
  return nullptr;
}

// The end of the calling thread's stack; 0 where it cannot be told, which is taken as no room at all.
uintptr_t lowest_address() noexcept {
#if defined(__APPLE__)
  return reinterpret_cast<uintptr_t>(pthread_get_stackaddr_np(pthread_self())) -
         pthread_get_stacksize_np(pthread_self());
#elif defined(__linux__)
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
    return 0;
  }
  void * low = nullptr;
  size_t size = 0;
  const int failed = pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  return failed ? 0 : reinterpret_cast<uintptr_t>(low);
#else
  return 0;
#endif
}

size_t stack_left() noexcept {
  static thread_local const uintptr_t lowest = lowest_address();
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  return lowest == 0 || here <= lowest ? 0 : here - lowest;
}

void run_on_a_thread(job & j, size_t stack) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  // Whole pages, whatever their size: some systems refuse anything else.
  constexpr size_t page = 64 * 1024;
  int failed = pthread_attr_setstacksize(&attributes, (stack + page - 1) / page * page);
  if (failed == 0) {
    failed = pthread_create(&thread, &attributes, run, &j);
  }
  pthread_attr_destroy(&attributes);
  if (failed != 0) {
    const std::string text = "no thread with a stack of " + std::to_string(stack >> 20) +
                             " MiB could be started, which a text of " + std::to_string(j.bytes) + " bytes may need";
    throw sphere::status_error(SPHERE_OUT_OF_MEMORY, text.c_str());
  }
  pthread_join(thread, nullptr);
}

} // namespace

int32_t sphere_tokenize(const llama_vocab * vocab, const char * text, int32_t bytes, int32_t add_special,
                        int32_t parse_special, int32_t * tokens, int32_t room, int32_t * count) {
  return sphere::guarded([&] {
    if (vocab == nullptr || text == nullptr || tokens == nullptr || count == nullptr || room < 0) {
      throw std::invalid_argument("vocab, text, tokens and count must not be NULL, nor room be negative");
    }
    if (bytes < 0 || bytes > SPHERE_TOKENIZE_BYTES) {
      throw std::invalid_argument("a text of " + std::to_string(bytes) + " bytes; at most " +
                                  std::to_string(SPHERE_TOKENIZE_BYTES) + " are tokenized at once");
    }
    job j{vocab, text, bytes, add_special != 0, parse_special != 0, tokens, room, 0, nullptr};
    const size_t stack = STACK_FIXED + static_cast<size_t>(bytes) * STACK_PER_BYTE;
    if (stack <= stack_left()) {
      run(&j);
    } else {
      run_on_a_thread(j, stack);
    }
    if (j.failure) {
      std::rethrow_exception(j.failure);
    }
    if (j.result == INT_MIN) {
      throw std::runtime_error("more tokens than can be counted");
    }
    *count = j.result < 0 ? -j.result : j.result;
  });
}
