// Texts to tokens, on a stack that the text cannot exhaust.
//
// Many of llama.cpp's pre-tokenizers are regular expressions, and std::regex calls itself once for each character of a
// match: 320 bytes of stack a character with GCC 12 and -O3, 464 at worst (Clang 19, -O0). A run of 20,000 letters
// overflows the stack of a Java thread, which ends the process.
#ifndef SPHERE_TOKENIZE_H
#define SPHERE_TOKENIZE_H

#include "sphere.h"

#ifdef __cplusplus
extern "C" {
#endif

struct llama_vocab;

// llama_tokenize(), for UTF-8 of at most SPHERE_TOKENIZE_BYTES. `*count` is the number of tokens; when it is above
// `room`, nothing was written that can be used: call again with that much. `add_special` and `parse_special` are 0
// or 1. A text for which the calling thread's stack might be too small is read on a thread of its own, with 1 KiB of
// stack (only reserved until it is used) for each byte. The calls are independent of each other; any thread may call.
SPHERE_API int32_t sphere_tokenize(const struct llama_vocab * vocab, const char * text, int32_t bytes,
                                   int32_t add_special, int32_t parse_special, int32_t * tokens, int32_t room,
                                   int32_t * count);

enum { SPHERE_TOKENIZE_BYTES = 1 << 20 };

#ifdef __cplusplus
}
#endif

#endif
