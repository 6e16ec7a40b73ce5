// Intel's matrix unit (AMX): eight tiles of 16 rows by 64 bytes, and products of tiles. Linux lets a process use them
// only after it has asked; every thread describes its tiles before use.
#pragma once

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AMX_INT8__) && defined(__linux__)
#define SPHERE_AMX 1

#include "common/amx_intrinsics.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>

namespace sphere {

// For comparisons; not while anything is computed.
inline std::atomic<bool> & amx_wanted() {
  static std::atomic<bool> wanted{true};
  return wanted;
}

// Whether the system lets this process use the tiles, and nobody has switched them off (SPHERE_AMX=off).
inline bool amx_granted() {
  static const bool granted = [] {
    constexpr long REQUEST_PERMISSION = 0x1023; // ARCH_REQ_XCOMP_PERM
    constexpr long TILE_DATA = 18;              // XFEATURE_XTILEDATA
    const char * off = std::getenv("SPHERE_AMX");
    return !(off && std::strcmp(off, "off") == 0) && syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
  }();
  return granted && amx_wanted().load(std::memory_order_relaxed);
}

// The shapes of a thread's tiles, in force from construction to destruction.
class Tiles {
public:
  // Tile t has rows[t] rows of bytes[t] bytes.
  Tiles(const uint8_t (&rows)[8], const uint16_t (&bytes)[8]) {
    std::memcpy(config.bytes, bytes, sizeof bytes);
    std::memcpy(config.rows, rows, sizeof rows);
    _tile_loadconfig(&config);
  }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles &) = delete;
  Tiles & operator=(const Tiles &) = delete;

private:
  // A member, so that nothing else is kept at its place: .ci/compilers looks for stores to it after `ldtilecfg`.
  struct alignas(64) Config {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t bytes[16] = {};
    uint8_t rows[16] = {};
  } config;
  static_assert(sizeof(Config) == 64, "ldtilecfg reads 64 bytes");
};

} // namespace sphere

#else
#define SPHERE_AMX 0
#endif
