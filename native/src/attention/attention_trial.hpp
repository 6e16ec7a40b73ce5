// Whether ggml's CPU backend may be given our kernels. See attention_hook.cpp.
#pragma once

#include <cstdint>
#include <string>

namespace sphere {

// Why nothing is installed in this llama.cpp; nullptr: its source is known.
//   compiled   version whose headers were used;   loaded   version of the library
//   commit     ggml_commit();                     internals   hash of ggml's internal headers, "" when not known
const char * hook_refusal(const char * compiled, const char * loaded, const char * commit, const char * internals);

// Computes one node of each kind with our kernels and without, by ggml's CPU backend: "" when both agree and ours were
// asked, else what is wrong.
//   enable  switches our kernels on and off;   computed  nodes that they have computed so far
std::string hook_trial(void (*enable)(bool), int64_t (*computed)());

} // namespace sphere
