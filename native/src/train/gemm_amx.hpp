// gemm() on Intel's matrix unit; only where has_gemm_amx().
#pragma once

#include "train/gemm.hpp"

namespace sphere {

int64_t gemm_amx_scratch(bool bf16, int64_t m, int64_t n, int64_t k);
void gemm_amx(bool bf16, const Gemm & g, int ith, int nth, float * scratch) noexcept;

} // namespace sphere
