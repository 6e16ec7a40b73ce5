// Intel's tile intrinsics, corrected for GCC. GCC 11 and 12 declare that _tile_loadconfig reads 8 of the
// configuration's 64 bytes, and no release declares that _tile_loadd reads memory: stores of what they read may move
// behind them. Here every store in the source before the intrinsic is done before the instruction.
//
// native/provision.sh includes this header into llama.cpp too, whose ggml-cpu/amx/mmq.cpp uses both intrinsics.
#pragma once

#if defined(__AMX_TILE__)
#include <immintrin.h>

#if !defined(__clang__)
#define _tile_loadconfig(config)                                                                                       \
  __asm__ volatile("ldtilecfg %0" : : "m"(*reinterpret_cast<const char(*)[64]>(config)) : "memory")
#undef _tile_loadd
#define _tile_loadd(tile, base, stride) SPHERE_TILE_LOADD(tile, base, stride) // the tile's number may be a macro
#define SPHERE_TILE_LOADD(tile, base, stride)                                                                          \
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile                                                                  \
                   :                                                                                                   \
                   : "r"(static_cast<const void *>(base)), "r"(static_cast<long>(stride))                              \
                   : "memory")
#endif

#endif
